package sasl

import (
	"crypto/subtle"
	"encoding/base64"
	"unicode/utf8"

	"github.com/quorate/quorate/store/fault"
)

const (
	// DefaultRealm is the realm, and the host, that ZooKeeper's clients expect.
	DefaultRealm = "zk-sasl-md5"
	// Service is the service that clients must mean, so that what they say to another one is worth nothing here.
	Service = "zookeeper"
	// MaxToken bounds what a client sends in bytes (RFC 2831, 2.1.2).
	MaxToken = 4096
	// nonceSize is the randomness of a challenge in bytes.
	nonceSize = 24
)

// Config is who may log in.
type Config struct {
	// Users are the passwords by the names of users.
	Users map[string]string
	// Realm is told to clients; empty: [DefaultRealm]. It has no quotation marks and no backslashes.
	Realm string
	// Random fills its argument with random bytes that nobody can guess, as crypto/rand's Read does.
	Random func([]byte)
}

// Server logs clients in. Its methods may be called by anybody.
type Server struct {
	cfg   Config
	decoy string // the password of users that there are not, so that they take as long
}

// New returns a server for the users of c, which must not be changed afterwards.
func New(c Config) *Server {
	if c.Realm == "" {
		c.Realm = DefaultRealm
	}
	s := &Server{cfg: c}
	s.decoy = s.nonce()
	return s
}

func (s *Server) nonce() string {
	var b [nonceSize]byte
	s.cfg.Random(b[:])
	return base64.RawStdEncoding.EncodeToString(b[:])
}

// Exchange is one attempt to log in. It is for one goroutine at a time.
type Exchange struct {
	server *Server
	nonce  string // of the challenge, once that is made
	over   bool
}

// Begin begins an attempt.
func (s *Server) Begin() *Exchange { return &Exchange{server: s} }

// Step takes a client's token and returns the reply to it. With done the client has proved to be user, and the exchange is over. After an
// error, which is a *fault.Error of kind AuthFailed and says nothing of users, it is over too.
func (x *Exchange) Step(token []byte) (reply []byte, user string, done bool, err error) {
	switch {
	case x.over:
		return nil, "", false, refused("the exchange is over")
	case x.nonce == "" && len(token) == 0:
		x.nonce = x.server.nonce()
		return x.server.challenge(x.nonce), "", false, nil
	}
	x.over = true // whatever comes of it: a nonce is for one attempt
	if x.nonce == "" {
		return nil, "", false, refused("the first token of DIGEST-MD5 is empty")
	}
	r, err := x.server.read(token, x.nonce)
	if err != nil {
		return nil, "", false, err
	}
	secret, known := x.server.secret(r)
	right := r.proof(secret, "AUTHENTICATE")
	if subtle.ConstantTimeCompare([]byte(right), []byte(r.response)) != 1 || !known {
		return nil, "", false, refused("there is no such user, or the password is wrong")
	}
	return []byte("rspauth=" + r.proof(secret, "")), r.user, true, nil
}

func refused(why string) error { return fault.New(fault.AuthFailed, "", "%s", why) }

// challenge is what a client has to respond to.
func (s *Server) challenge(nonce string) []byte {
	return []byte(`realm="` + s.cfg.Realm + `",nonce="` + nonce + `",qop="auth",charset=utf-8,algorithm=md5-sess`)
}

// read takes a response apart, and refuses what is not one to our challenge.
func (s *Server) read(token []byte, nonce string) (response, error) {
	if len(token) > MaxToken {
		return response{}, refused("the token is too long")
	}
	d, ok := parse(string(token))
	if !ok {
		return response{}, refused("the token is no list of directives")
	}
	r := response{
		name: d["username"], realm: d["realm"], nonce: d["nonce"], cnonce: d["cnonce"], count: d["nc"], uri: d["digest-uri"],
		response: d["response"], authzid: d["authzid"],
	}
	r.user, ok = decoded(r.name, d["charset"])
	switch {
	case !ok:
		return r, refused("the user's name is not in the charset that it says")
	case r.nonce != nonce || r.count != "00000001":
		return r, refused("the token does not respond to this challenge")
	case r.realm != s.cfg.Realm:
		return r, refused("the realm is another")
	case r.name == "" || r.cnonce == "" || !meant(r.uri):
		return r, refused("the token lacks the user, the client's nonce or the service")
	case d["qop"] != "" && d["qop"] != "auth":
		return r, refused("auth is the only quality of protection")
	case r.authzid != "" && r.authzid != r.user:
		return r, refused("a user acts for itself alone")
	}
	return r, nil
}

// meant tells whether a digest-uri, which is service/host, means this service. By which name a client knows the host is its own business.
func meant(uri string) bool {
	return len(uri) > len(Service)+1 && uri[:len(Service)+1] == Service+"/"
}

// decoded returns a name as a string in UTF-8, of a charset that may be given, or is ISO 8859-1.
func decoded(name, charset string) (string, bool) {
	switch charset {
	case "utf-8":
		return name, utf8.ValidString(name)
	case "":
		return fromLatin(name), true
	}
	return "", false
}

// secret returns the hash that stands for a user's password, and whether there is such a user.
func (s *Server) secret(r response) (secret [hashSize]byte, known bool) {
	password, known := s.cfg.Users[r.user]
	if !known {
		password = s.decoy
	}
	return hashOf(toLatin(r.user) + ":" + r.realm + ":" + toLatin(password)), known
}
