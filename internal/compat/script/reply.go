package script

import (
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"slices"
	"strconv"
	"strings"

	"github.com/quorate/quorate/internal/compat/wire"
)

// errorNames are ZooKeeper's errors.
var errorNames = map[int32]string{
	0: "ok", -1: "SystemError", -2: "RuntimeInconsistency", -3: "DataInconsistency", -4: "ConnectionLoss", -5: "MarshallingError",
	-6: "Unimplemented", -7: "OperationTimeout", -8: "BadArguments", -12: "UnknownSession", -13: "NewConfigNoQuorum", -14: "ReconfigInProgress",
	-100: "APIError", -101: "NoNode", -102: "NoAuth", -103: "BadVersion", -108: "NoChildrenForEphemerals", -110: "NodeExists", -111: "NotEmpty",
	-112: "SessionExpired", -113: "InvalidCallback", -114: "InvalidACL", -115: "AuthFailed", -118: "SessionMoved", -119: "NotReadOnly",
	-120: "EphemeralOnLocalSession", -121: "NoWatcher", -123: "ReconfigDisabled", -124: "SessionClosedRequireSaslAuth", -125: "QuotaExceeded",
	-127: "ThrottledOp",
}

// results are what each kind of result in a multi consists of.
var results = map[int32]string{1: "s", 4: "bt", 5: "t", 8: "S", 12: "St", 15: "st"}

// eventNames are the kinds of events.
var eventNames = map[int32]string{-1: "none", 1: "created", 2: "deleted", 3: "changed", 4: "children"}

func nameOf(all map[int32]string, code int32) string {
	if name, ok := all[code]; ok {
		return name
	}
	return fmt.Sprintf("(%d)", code)
}

// shower shows what a server has sent, every byte of it but for what the names stand for.
type shower struct {
	names *names
	in    *wire.Reader
	out   strings.Builder
}

// show adds a word.
func (s *shower) show(format string, args ...any) {
	if s.out.Len() > 0 {
		s.out.WriteByte(' ')
	}
	fmt.Fprintf(&s.out, format, args...)
}

// finish adds what nobody has asked for, and what there should have been.
func (s *shower) finish() string {
	if s.in.Short() {
		s.show("(short)")
	}
	if rest := s.in.Rest(); len(rest) > 0 {
		s.show("x:%s", hex.EncodeToString(rest))
	}
	return s.out.String()
}

// welcome shows the answer to the first packet.
func (n *names) welcome(packet []byte) string {
	s := shower{names: n, in: wire.NewReader(packet)}
	s.show("connected")
	if version := s.in.Int(); version != 0 {
		s.show("version=%d", version)
	}
	s.show("timeout=%d", s.in.Int())
	id := s.in.Long()
	password, length := s.in.String()
	if id == 0 {
		s.show("session=0")
	} else {
		s.show("session=%s", n.meet(id, []byte(password)))
	}
	if strings.Trim(password, "\x00") == "" {
		s.show("password=%d zeros", length)
	} else {
		s.show("password=%d", length)
	}
	if len(s.in.Rest()) > 0 {
		s.show("ro=%s", s.boolean())
	}
	return s.finish()
}

// reply shows a reply to a request of a number, or an event.
func (n *names) reply(packet []byte, code int32) string {
	s := shower{names: n, in: wire.NewReader(packet)}
	xid, zxid, err := s.in.Int(), s.in.Long(), s.in.Int()
	if xid == -1 {
		s.event(zxid, err)
		return s.finish()
	}
	if err == 0 && changes[code] && !failed(code, s.in.Rest()) {
		n.change(zxid)
	}
	s.show("%d", xid)
	s.show("%s", n.header(zxid))
	s.show("%s", nameOf(errorNames, err))
	if err == 0 {
		s.body(replyOf(code))
	}
	return s.finish()
}

// failed tells whether a multi's results say that it has changed nothing.
func failed(code int32, body []byte) bool {
	return code == opMulti && wire.NewReader(body).Int() == -1
}

func (s *shower) event(zxid int64, err int32) {
	s.show("event")
	if s.names.eventZxids {
		s.show("zxid=%d", min(zxid, 1))
	}
	if zxid < -1 || err != 0 {
		s.show("header=%d,%d", zxid, err)
	}
	kind, state := s.in.Int(), s.in.Int()
	s.show("%s", nameOf(eventNames, kind))
	if state != 3 {
		s.show("state=%d", state)
	}
	s.show("%s", s.text())
}

// body shows the fields of a reply.
func (s *shower) body(fields string) {
	for _, kind := range fields {
		switch kind {
		case 's', 'b':
			s.show("%s", s.text())
		case 'i':
			s.show("%d", s.in.Int())
		case 't':
			s.stat()
		case 'S':
			s.show("%s", s.sorted(s.text))
		case 'a':
			s.show("%s", s.vector(s.acl))
		case 'C':
			s.show("%s", s.sorted(func() string { return s.text() + ":" + s.text() }))
		case 'M':
			s.results()
		}
	}
}

// longText is the length in bytes from which on a text is shown by its checksum.
const longText = 1000

// text shows a string or a buffer.
func (s *shower) text() string {
	text, length := s.in.String()
	switch {
	case s.in.Short():
		return fmt.Sprintf("len(%d)", length)
	case length == -1:
		return "null"
	case length < -1:
		return fmt.Sprintf("len(%d)", length)
	}
	if len(text) > longText {
		return fmt.Sprintf("long(%d,%08x)", length, crc32.ChecksumIEEE([]byte(text)))
	}
	return strconv.Quote(text)
}

func (s *shower) boolean() string {
	switch b := s.in.Byte(); b {
	case 0:
		return "false"
	case 1:
		return "true"
	default:
		return strconv.Itoa(int(b))
	}
}

// vector shows a vector in its order.
func (s *shower) vector(element func() string) string {
	all, n := s.elements(element)
	if n < 0 {
		return fmt.Sprintf("vector(%d)", n)
	}
	return "[" + strings.Join(all, " ") + "]"
}

// sorted shows a vector in an order of its own: ZooKeeper's is that of a hash table.
func (s *shower) sorted(element func() string) string {
	all, n := s.elements(element)
	if n < 0 {
		return fmt.Sprintf("vector(%d)", n)
	}
	slices.Sort(all)
	return "[" + strings.Join(all, " ") + "]"
}

func (s *shower) elements(element func() string) (all []string, n int32) {
	n = s.in.Int()
	for i := int32(0); i < n && !s.in.Short(); i++ {
		all = append(all, element())
	}
	return all, n
}

func (s *shower) acl() string {
	perms := s.in.Int()
	letters := ""
	for i, c := range "rwcda" {
		if perms&(1<<i) != 0 {
			letters += string(c)
		}
	}
	if perms&^31 != 0 || perms == 0 {
		letters = strconv.Itoa(int(perms))
	}
	return letters + ":" + s.text() + ":" + s.text()
}

// stat shows what stands beside a node's data.
func (s *shower) stat() {
	czxid, mzxid := s.in.Long(), s.in.Long()
	ctime, mtime := s.in.Long(), s.in.Long()
	version, cversion, aversion := s.in.Int(), s.in.Int(), s.in.Int()
	owner := s.in.Long()
	length, children := s.in.Int(), s.in.Int()
	pzxid := s.in.Long()
	s.show("{c=%s m=%s p=%s times=%s,%s versions=%d,%d,%d owner=%s length=%d children=%d}",
		s.names.exact(czxid), s.names.exact(mzxid), s.names.exact(pzxid), clock(ctime), clock(mtime),
		version, cversion, aversion, s.names.owner(owner), length, children)
}

// results shows the results of a multi.
func (s *shower) results() {
	for len(s.in.Rest()) > 0 && !s.in.Short() {
		kind, done, err := s.in.Int(), s.boolean(), s.in.Int()
		if done != "false" {
			if kind != -1 || done != "true" || err != -1 {
				s.show("end(%d,%s,%d)", kind, done, err)
			}
			return
		}
		s.result(kind, err)
	}
	s.show("(no end)")
}

func (s *shower) result(kind, err int32) {
	if kind == -1 {
		code := s.in.Int()
		s.show("[%s", nameOf(errorNames, code))
		if code != err {
			s.show("header=%d", err)
		}
	} else {
		s.show("[%d", kind)
		if err != 0 {
			s.show("header=%d", err)
		}
		s.body(results[kind])
	}
	s.out.WriteByte(']')
}
