package zoocfg

import (
	"net"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quorate/quorate/server/config/source"
	"github.com/quorate/quorate/store/txn"
)

// ensemble decides who the servers are, which of them this one is, and where it serves others and clients.
func (z *reader) ensemble() {
	all := z.founders()
	z.divide()
	alone := z.alone(all)
	z.self(all, alone)
	z.enlist(all, alone)
	own := z.own(all)
	z.role(own)
	z.listen(own)
	z.clientAddr(own, all)
}

// alone tells whether this server is one on its own, by ZooKeeper's rules: without a list, or with one server in it unless
// standaloneEnabled is false.
func (z *reader) alone(all []founder) bool {
	standalone := true
	if e, ok := z.said["standaloneEnabled"]; ok {
		standalone = z.truth(e)
	}
	return len(all) == 0 || len(all) == 1 && standalone && all[0].member.Role == txn.Voter
}

// enlist takes up the list, and says once what is not used of it.
func (z *reader) enlist(all []founder, alone bool) {
	if len(all) == 0 {
		return
	}
	z.note(all[0].Place, "the election port, the second, is no longer needed: everything between servers goes through the first")
	for _, f := range all {
		if len(f.others) > 0 {
			z.warn(f.Place, "a server is reached at one address: %s is used, %s is not", f.member.Address, strings.Join(f.others, " and "))
		}
		if f.secure {
			z.wrong(f.Place, "there is no second client port with TLS yet: remove the part behind the second ;")
		}
		if !alone {
			z.Config.Peers = append(z.Config.Peers, f.member)
		}
	}
	if !alone {
		z.set(all[0].Place, "peers")
		z.even()
	}
}

// even warns of a number of voters that one less would serve as well.
func (z *reader) even() {
	voters := len(z.Config.Peers.Voters())
	if voters%2 == 0 && voters > 0 && len(z.Config.Groups)+len(z.Config.Weights) == 0 {
		z.warn(z.Places["peers"], "%d servers vote: one less bears the loss of as many", voters)
	}
}

// self finds out this server's number: given, in myid, or that of the only server.
func (z *reader) self(all []founder, alone bool) {
	if given, ok := z.in.Given["id"]; ok {
		if id, err := parseID(given); err == nil { // else whoever reads the flag says so
			z.Config.ID = uint(id)
		}
		return
	}
	dir, place := z.in.Given["data-dir"], asWhole(z.in.File)
	if e, ok := z.said["dataDir"]; ok && e.value != "" {
		dir, place = e.value, e.Place
	}
	file := filepath.Join(dir, "myid")
	switch {
	case dir != "" && z.in.Exists(file):
		z.myid(place, file)
	case alone && len(all) == 1:
		z.Config.ID = uint(all[0].member.ID)
		z.set(all[0].Place, "id")
	case !alone && dir != "":
		z.wrong(place, "%s is missing: write this server's number in it, or give --id", file)
	case !alone:
		z.wrong(place, "without a dataDir there is no myid: give --id")
	}
}

// myid reads this server's number; from is why that file is read.
func (z *reader) myid(from source.Place, file string) {
	text, err := z.in.ReadFile(file)
	if err != nil {
		z.wrong(from, "%v", err)
		return
	}
	place := source.Place{File: file, Line: 1}
	line, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	id, err := parseID(line)
	if err != nil {
		z.wrong(place, "%v", err)
		return
	}
	z.Config.ID = uint(id)
	z.set(place, "id")
}

// own is this server's line, or the only one; nil if there is none.
func (z *reader) own(all []founder) *founder {
	for i := range all {
		if all[i].member.ID == txn.ServerID(z.Config.ID) {
			return &all[i]
		}
	}
	return nil
}

// role holds peerType against the list.
func (z *reader) role(own *founder) {
	e, ok := z.said["peerType"]
	if !ok {
		return
	}
	role, ok := roleOf(e.value)
	switch {
	case !ok:
		z.wrong(e.Place, "%q is neither participant nor observer", e.value)
	case own == nil && role == txn.Observer && len(z.Config.Peers) == 0:
		z.wrong(e.Place, "an observer needs servers to follow, and there is no list of them")
	case own != nil && role != own.member.Role:
		z.warn(e.Place, "%s is not the role of %s, which counts", e.value, own.Place)
	}
}

// listen makes other servers be served on all interfaces, if the file wants that.
func (z *reader) listen(own *founder) {
	e, ok := z.isTrue("quorumListenOnAllIPs")
	if !ok || own == nil || len(z.Config.Peers) == 0 {
		return
	}
	_, port, _ := net.SplitHostPort(own.member.Address)
	z.Config.PeerAddr = ":" + port
	z.set(e.Place, "peer-addr")
}

// clientAddr finds out where clients are served: clientPort, or what this server's line has behind the semicolon. Where both
// are given they have to agree.
func (z *reader) clientAddr(own *founder, all []founder) {
	port, ok := z.said["clientPort"]
	ok = ok && port.value != ""
	host := z.said["clientPortAddress"]
	addr := ""
	if ok {
		if _, good := z.whole(port, 0, 65_535); !good {
			return
		}
		addr = net.JoinHostPort(strings.Trim(host.value, "[]"), port.value)
		z.set(port.Place, "client-addr")
	}
	switch {
	case own != nil && own.client != "" && addr != "" && !agree(own.client, addr):
		z.wrong(port.Place, "clients are served on %s by it, and on %s by %s: say it once", addr, own.client, own.Place)
	case addr == "" && host.value != "": // it would not hold for the port of the server's line
		z.wrong(host.Place, "it needs a clientPort")
	case own != nil && own.client != "":
		addr = own.client
		z.set(own.Place, "client-addr")
	case addr == "" && !z.given("client-addr") && (own != nil || !slices.ContainsFunc(all, func(f founder) bool { return f.client != "" })):
		z.wrong(asWhole(z.in.File), "clientPort is not set, and clients could not come: set it, or give --client-addr")
	}
	if addr != "" {
		z.Config.ClientAddr = addr
	}
}

// agree tells whether two addresses are the same place; an empty host is every interface.
func agree(a, b string) bool {
	every := func(s string) string {
		host, port, _ := net.SplitHostPort(s)
		if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
			host = ""
		}
		return net.JoinHostPort(host, port)
	}
	return every(a) == every(b)
}
