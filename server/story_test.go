package server

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
	"github.com/quorate/quorate/internal/golden"
	"github.com/quorate/quorate/server/config"
	"github.com/quorate/quorate/server/identity"
)

var rewrite = flag.Bool("rewrite", false, "write the expected outcome of stories anew")

// TestStories lets clients say what stands in testdata/stories to a leader, to a follower and to an observer, and compares what they
// are told with what stands below each line: results, errors and Stats, with the order of the checks in them. #3 is
// the zxid of the third write that took effect. Indented lines are outcomes; after a change of behaviour run
// `go test ./server -run TestStories -rewrite` and read the diff.
//
// The rows are those of ZooKeeper's behaviour, reference §4.2 to 4.11; where we differ the story says so.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/stories/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d stories, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var first string
			for i, role := range []string{"leader", "follower", "observer"} {
				t.Run(role, func(t *testing.T) { // by itself, so that its servers go before the next come
					got := tell(t, role, string(text))
					if i == 0 {
						first = got
						golden.Check(t, *rewrite, file, got)
					} else if got != first {
						t.Errorf("it goes otherwise than through the leader:\n%s", firstDifference(first, got))
					}
				})
			}
		})
	}
}

// tell lets a story happen through one server.
func tell(t *testing.T, role, text string) string {
	t.Helper()
	all := ensemble(t, peersOn(t, 2, 1), func(c *config.Config) {
		c.EnforceQuota, c.SuperDigest = true, identity.Digest("super", "secret")
		c.MaxValue, c.MaxRequest, c.SegmentSize = 64<<10, 192<<10, 256<<10 // the log is in memory, and there are many servers
		c.ContainerInterval = 0                                            // however long it takes, nothing goes by itself
	})
	leader, follower := leaderOf(t, all)
	n := &narrator{t: t, at: map[string]*world{"leader": leader, "follower": follower, "observer": all[2]}[role], who: map[string]*sessionStream{}, zxids: map[uint64]int{0: 0}}
	n.as("nobody")
	var out strings.Builder
	for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		switch {
		case strings.HasPrefix(line, "    "): // what came of it
		case line == "" || line[0] == '#':
			fmt.Fprintln(&out, line)
		default:
			fmt.Fprintln(&out, line)
			for _, outcome := range n.say(line) {
				fmt.Fprintln(&out, "    "+outcome)
			}
		}
	}
	var stopping sync.WaitGroup
	for _, w := range all {
		stopping.Go(func() {
			if err := w.stop(); err != nil {
				t.Error(err)
			}
		})
	}
	stopping.Wait()
	return out.String()
}

func firstDifference(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range a {
		if i >= len(b) || a[i] != b[i] {
			return fmt.Sprintf("line %d: %q\n   got: %q", i+1, a[i], strings.Join(b[i:min(i+1, len(b))], ""))
		}
	}
	return "it says more"
}

// narrator speaks for the people of a story.
type narrator struct {
	t     *testing.T
	at    *world
	who   map[string]*sessionStream
	name  string
	zxids map[uint64]int // of writes, and which they were
}

// as lets somebody else speak, on a session of his own.
func (n *narrator) as(name string) {
	n.name = name
	if n.who[name] != nil {
		return
	}
	s := n.at.session(n.t, &apiv1.OpenSessionRequest{TimeoutMs: minute})
	n.who[name] = s
	if name != "nobody" {
		s.ok(&apiv1.SessionCall{Op: &apiv1.SessionCall_Authenticate{Authenticate: &apiv1.AuthenticateRequest{
			Scheme: "digest", Credentials: []byte(name + ":secret"),
		}}})
	}
}

// say says one line and returns what is answered, with the events before it.
func (n *narrator) say(line string) []string {
	words := strings.Fields(line)
	switch words[0] {
	case "as":
		n.as(words[1])
		return nil
	case "leave":
		n.who[n.name].ok(closeCall())
		delete(n.who, n.name)
		n.as("nobody")
		return nil
	}
	call, err := parseCall(n.t, words)
	if err != nil {
		n.t.Fatalf("%s: %v", line, err)
	}
	s := n.who[n.name]
	s.send(call)
	var out []string
	for {
		item := s.next()
		if e := item.GetEvent(); e != nil {
			out = append(out, fmt.Sprintf("! %s %s at %s", strings.ToLower(e.GetType().String()[len("EVENT_TYPE_"):]), e.GetPath(), n.zxid(e.GetZxid())))
			continue
		}
		return append(out, n.outcome(item.GetAnswer())...)
	}
}

// zxid names a zxid by the write that it is.
func (n *narrator) zxid(z uint64) string {
	if _, known := n.zxids[z]; !known {
		n.zxids[z] = len(n.zxids)
	}
	return fmt.Sprintf("#%d", n.zxids[z])
}

// outcome is an answer as people read it.
func (n *narrator) outcome(a *apiv1.SessionAnswer) []string {
	switch r := a.GetResult().(type) {
	case *apiv1.SessionAnswer_Failure:
		return []string{failureText(r.Failure)}
	case *apiv1.SessionAnswer_Create:
		return []string{n.zxid(r.Create.GetZxid()) + " " + r.Create.GetPath() + " " + n.stat(r.Create.GetStat())}
	case *apiv1.SessionAnswer_Delete:
		return []string{n.zxid(r.Delete.GetZxid()) + " deleted"}
	case *apiv1.SessionAnswer_Set:
		return []string{n.zxid(r.Set.GetZxid()) + " " + n.stat(r.Set.GetStat())}
	case *apiv1.SessionAnswer_SetAcl:
		return []string{n.zxid(r.SetAcl.GetZxid()) + " " + n.stat(r.SetAcl.GetStat())}
	case *apiv1.SessionAnswer_Multi:
		out := []string{n.zxid(r.Multi.GetZxid())}
		for _, res := range r.Multi.GetResults() {
			out = append(out, strings.TrimSpace(res.GetPath()+" "+n.stat(res.GetStat())))
		}
		return out
	case *apiv1.SessionAnswer_Exists:
		return []string{n.stat(r.Exists.GetStat())}
	case *apiv1.SessionAnswer_Get:
		return []string{dataText(r.Get.Data) + " " + n.stat(r.Get.GetStat())}
	case *apiv1.SessionAnswer_List:
		return []string{entriesText(r.List)}
	case *apiv1.SessionAnswer_GetAcl:
		return []string{aclText(r.GetAcl.GetAcl()) + " " + n.stat(r.GetAcl.GetStat())}
	case *apiv1.SessionAnswer_MultiRead:
		return n.reads(r.MultiRead)
	case *apiv1.SessionAnswer_GetEphemerals:
		return []string{fmt.Sprint(r.GetEphemerals.GetPaths())}
	case *apiv1.SessionAnswer_CountDescendants:
		return []string{fmt.Sprint(r.CountDescendants.GetCount())}
	case *apiv1.SessionAnswer_WhoAmI:
		var out []string
		for _, id := range r.WhoAmI.GetIdentities() {
			out = append(out, id.GetScheme()+":"+id.GetId())
		}
		return []string{strings.Join(out, " ")}
	}
	return []string{"ok"}
}

func (n *narrator) reads(m *apiv1.MultiReadResponse) (out []string) {
	for _, r := range m.GetResults() {
		switch r := r.GetResult().(type) {
		case *apiv1.ReadResult_Get:
			out = append(out, dataText(r.Get.Data)+" "+n.stat(r.Get.GetStat()))
		case *apiv1.ReadResult_Exists:
			out = append(out, n.stat(r.Exists.GetStat()))
		case *apiv1.ReadResult_List:
			out = append(out, entriesText(r.List))
		case *apiv1.ReadResult_Failure:
			out = append(out, failureText(r.Failure))
		}
	}
	return out
}

func failureText(f *apiv1.Failure) string {
	text := f.GetReason()
	if f.GetPath() != "" {
		text += " " + f.GetPath()
	}
	if f.GetReason() == "BAD_VERSION" {
		text += fmt.Sprintf(" is %d", f.GetVersion())
	}
	if f.GetOp() > 0 {
		text += fmt.Sprintf(" operation %d", f.GetOp())
	}
	return text
}

func entriesText(l *apiv1.ListResponse) string {
	var names []string
	for _, e := range l.GetEntries() {
		names = append(names, e.GetName())
	}
	return "[" + strings.Join(names, " ") + "]"
}

func dataText(data []byte) string {
	if data == nil {
		return "null"
	}
	return strconv.Quote(string(data))
}

// stat is a Stat without its times.
func (n *narrator) stat(s *apiv1.Stat) string {
	if s == nil {
		return "none"
	}
	text := fmt.Sprintf("c%s m%s p%s v%d cv%d av%d len=%d kids=%d", n.zxid(s.GetCzxid()), n.zxid(s.GetMzxid()), n.zxid(s.GetPzxid()),
		s.GetVersion(), s.GetCversion(), s.GetAversion(), s.GetDataLength(), s.GetNumChildren())
	if s.GetKind() != persistent {
		text += " " + strings.ToLower(s.GetKind().String()[len("NODE_KIND_"):])
	}
	if s.GetTtlMs() != 0 {
		text += fmt.Sprintf("=%dms", s.GetTtlMs())
	}
	for name, who := range n.who {
		if s.GetOwner() == who.opened.GetSession() {
			text += " of " + name
		}
	}
	return text
}

func aclText(acl []*apiv1.Ace) string {
	var out []string
	for _, e := range acl {
		out = append(out, fmt.Sprintf("%s:%s:%s", e.GetScheme(), e.GetId(), permsText(e.GetPerms())))
	}
	return strings.Join(out, ",")
}

const permLetters = "rwcdaz" // z is no permission

func permsText(perms uint32) (text string) {
	for i, c := range permLetters {
		if perms&(1<<i) != 0 {
			text += string(c)
		}
	}
	return text
}

// parseCall reads one line. A Multi's operations, and a MultiRead's, stand behind "multi" and "reads", separated by semicolons.
func parseCall(t *testing.T, words []string) (*apiv1.SessionCall, error) {
	c := &apiv1.SessionCall{}
	switch words[0] {
	case "multi":
		m := &apiv1.MultiRequest{}
		for _, op := range split(words[1:]) {
			one, err := parseCall(t, op)
			if err != nil {
				return nil, err
			}
			m.Ops = append(m.Ops, asMultiOp(op, one))
		}
		c.Op = &apiv1.SessionCall_Multi{Multi: m}
		return c, nil
	case "reads":
		m := &apiv1.MultiReadRequest{}
		for _, op := range split(words[1:]) {
			one, err := parseCall(t, op)
			if err != nil {
				return nil, err
			}
			m.Ops = append(m.Ops, asReadOp(one))
		}
		c.Op = &apiv1.SessionCall_MultiRead{MultiRead: m}
		return c, nil
	}
	return c, parseOne(c, words[0], words[1:])
}

func split(words []string) (parts [][]string) {
	for len(words) > 0 {
		i := slices.Index(words, ";")
		if i < 0 {
			i = len(words)
		}
		parts = append(parts, words[:i])
		words = words[min(i+1, len(words)):]
	}
	return parts
}

func asMultiOp(words []string, c *apiv1.SessionCall) *apiv1.MultiOp {
	switch {
	case words[0] == "check":
		return &apiv1.MultiOp{Op: &apiv1.MultiOp_Check{Check: &apiv1.CheckRequest{Path: c.GetDelete().GetPath(), Version: c.GetDelete().Version}}}
	case c.GetCreate() != nil:
		return &apiv1.MultiOp{Op: &apiv1.MultiOp_Create{Create: c.GetCreate()}}
	case c.GetDelete() != nil:
		return &apiv1.MultiOp{Op: &apiv1.MultiOp_Delete{Delete: c.GetDelete()}}
	case c.GetSet() != nil:
		return &apiv1.MultiOp{Op: &apiv1.MultiOp_Set{Set: c.GetSet()}}
	}
	return &apiv1.MultiOp{}
}

func asReadOp(c *apiv1.SessionCall) *apiv1.ReadOp {
	switch {
	case c.GetGet() != nil:
		return &apiv1.ReadOp{Op: &apiv1.ReadOp_Get{Get: c.GetGet()}}
	case c.GetExists() != nil:
		return &apiv1.ReadOp{Op: &apiv1.ReadOp_Exists{Exists: c.GetExists()}}
	case c.GetList() != nil:
		return &apiv1.ReadOp{Op: &apiv1.ReadOp_List{List: c.GetList()}}
	}
	return &apiv1.ReadOp{}
}

// parsed is what stands behind a verb: options name=value, and the rest.
type parsed struct {
	options map[string]string
	rest    []string
}

func parseWords(words []string) parsed {
	p := parsed{options: map[string]string{}}
	for _, w := range words {
		if name, value, ok := strings.Cut(strings.TrimPrefix(w, "-"), "="); ok && w[0] == '-' {
			p.options[name] = value
		} else if w[0] == '-' && len(w) > 1 && (w[1] < '0' || w[1] > '9') {
			p.options[w[1:]] = "yes"
		} else {
			p.rest = append(p.rest, w)
		}
	}
	return p
}

// at returns a word; "" stands for the empty string, as does a missing one.
func (p parsed) at(i int) string {
	if i >= len(p.rest) || p.rest[i] == `""` {
		return ""
	}
	return p.rest[i]
}

// data returns the data at a word, nil if there is none.
func (p parsed) data(i int) []byte {
	if i >= len(p.rest) {
		return nil
	}
	return append([]byte{}, p.at(i)...)
}

// version returns the version at a word, nil for any.
func (p parsed) version(i int) *int32 {
	if i >= len(p.rest) {
		return nil
	}
	n, err := strconv.ParseInt(p.rest[i], 10, 32)
	if err != nil {
		panic(err)
	}
	return ptr(int32(n))
}

func (p parsed) acl() (acl []*apiv1.Ace) {
	if p.options["acl"] == "" {
		return nil
	}
	for _, e := range strings.Split(p.options["acl"], ",") {
		scheme, rest, _ := strings.Cut(e, ":")
		i := strings.LastIndexByte(rest, ':')
		ace := &apiv1.Ace{Scheme: scheme, Id: rest[:i]}
		if user, secret, ok := strings.Cut(ace.GetId(), "/"); ok && scheme == "digest" {
			ace.Id = identity.Digest(user, secret)
		}
		for _, c := range rest[i+1:] {
			ace.Perms |= 1 << strings.IndexRune(permLetters, c)
		}
		acl = append(acl, ace)
	}
	return acl
}

// parseOne reads what is no list of operations.
func parseOne(c *apiv1.SessionCall, verb string, words []string) error {
	p := parseWords(words)
	path, watched := p.at(0), p.options["watch"] != ""
	switch verb {
	case "create":
		ttl, _ := strconv.ParseInt(p.options["ttl"], 10, 64)
		kind := persistent
		if k := p.options["kind"]; k != "" {
			kind = apiv1.NodeKind(apiv1.NodeKind_value["NODE_KIND_"+strings.ToUpper(k)])
		}
		c.Op = &apiv1.SessionCall_Create{Create: &apiv1.CreateRequest{
			Path: path, Data: p.data(1), Acl: p.acl(), Kind: kind, Sequential: p.options["s"] != "", TtlMs: ttl,
		}}
	case "delete", "check":
		c.Op = &apiv1.SessionCall_Delete{Delete: &apiv1.DeleteRequest{Path: path, Version: p.version(1)}}
	case "set":
		c.Op = &apiv1.SessionCall_Set{Set: &apiv1.SetRequest{Path: path, Data: p.data(1), Version: p.version(2)}}
	case "setacl":
		c.Op = &apiv1.SessionCall_SetAcl{SetAcl: &apiv1.SetAclRequest{Path: path, Acl: p.acl(), Version: p.version(1)}}
	case "exists":
		c.Op = existsCall(path, watched).GetOp()
	case "get":
		c.Op = getCall(path, watched).GetOp()
	case "list":
		c.Op = listCall(path, watched).GetOp()
	case "acl":
		c.Op = &apiv1.SessionCall_GetAcl{GetAcl: &apiv1.GetAclRequest{Path: path}}
	case "ephemerals":
		c.Op = &apiv1.SessionCall_GetEphemerals{GetEphemerals: &apiv1.GetEphemeralsRequest{Prefix: path}}
	case "count":
		c.Op = &apiv1.SessionCall_CountDescendants{CountDescendants: &apiv1.CountDescendantsRequest{Path: path}}
	case "whoami":
		c.Op = &apiv1.SessionCall_WhoAmI{WhoAmI: &apiv1.WhoAmIRequest{}}
	case "sync":
		c.Op = &apiv1.SessionCall_Sync{Sync: &apiv1.SyncRequest{}}
	case "watch":
		c.Op = watchCall(p.at(1), modeNamed(path), 0).GetOp()
	case "unwatch":
		c.Op = &apiv1.SessionCall_RemoveWatch{RemoveWatch: &apiv1.RemoveWatchRequest{Path: p.at(1), Mode: modeNamed(path)}}
	default:
		return fmt.Errorf("nobody knows how to %s", verb)
	}
	return nil
}

func modeNamed(name string) apiv1.WatchMode {
	return apiv1.WatchMode(apiv1.WatchMode_value["WATCH_MODE_"+strings.ToUpper(name)])
}
