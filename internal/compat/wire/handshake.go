package wire

// Hello is what a client says first.
type Hello struct {
	// Version of the protocol; 0.
	Version int32
	// Seen is the last zxid that the client has seen.
	Seen int64
	// Timeout that it asks for, in ms.
	Timeout int32
	// Session that it comes back with, 0 for a new one, and its password; nil is none.
	Session  int64
	Password []byte
	// ReadOnly says whether a server without a quorum will do; nil leaves the field out, as old clients do.
	ReadOnly *bool
}

// Packet returns it as it is sent.
func (h Hello) Packet() Packet {
	p := Packet(nil).Int(h.Version).Long(h.Seen).Int(h.Timeout).Long(h.Session)
	if h.Password == nil {
		p = p.Null()
	} else {
		p = p.String(string(h.Password))
	}
	if h.ReadOnly != nil {
		p = p.Bool(*h.ReadOnly)
	}
	return p
}

// Welcome is how a server answers.
type Welcome struct {
	// Version of the protocol; 0.
	Version int32
	// Timeout of the session in ms; 0 if it has expired, or is not the client's.
	Timeout int32
	// Session is its id, and Password what to come back with.
	Session  int64
	Password []byte
	// Rest is what follows: one byte that tells whether the server is without a quorum, if the client has sent the field.
	Rest []byte
}

// ReadWelcome takes the answer apart; ok tells whether it is whole.
func ReadWelcome(packet []byte) (w Welcome, ok bool) {
	r := NewReader(packet)
	w = Welcome{Version: r.Int(), Timeout: r.Int(), Session: r.Long()}
	password, _ := r.String()
	w.Password, w.Rest = []byte(password), r.Rest()
	return w, !r.Short()
}
