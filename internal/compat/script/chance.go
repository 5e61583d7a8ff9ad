package script

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// chanceLines is how many lines a script by chance has.
const chanceLines = 40

// ByChance returns the script of a seed for so many servers that belong together: some connections that do, in turn, what clients do, and
// what they should not. All its nodes lie below [Root] of the seed. It keeps away from what testdata/differences lists: there the two servers do not say the same.
func ByChance(seed uint64, servers int) []Step {
	g := &gambler{Rand: rand.New(rand.NewPCG(seed, 0)), root: Root(seed), servers: servers, open: map[string]int{}}
	g.line("a open%s", g.somewhere())
	g.line("a create %s 0 open 0", g.root)
	for _, name := range []string{"w", "a", "b"} {
		g.line("a create %s/%s %s open 0", g.root, name, name)
	}
	for _, name := range []string{"b", "c"} {
		g.line("%s open%s", name, g.somewhere())
	}
	g.sessions = 3
	g.open = map[string]int{"a": 1, "b": 2, "c": 3}
	for range chanceLines {
		g.step()
	}
	return g.steps
}

// Root is the node below which the script of a seed works.
func Root(seed uint64) string { return fmt.Sprintf("/s%d", seed) }

// gambler writes a script by chance.
type gambler struct {
	*rand.Rand
	root     string
	servers  int
	steps    []Step
	sessions int            // that were opened
	open     map[string]int // the sessions of the connections that are open
	proved   []string       // the connections that have proved who they are
}

// choice is something to do, and how often as compared with others.
type choice struct {
	weight int
	do     func(*gambler, string)
}

// choices are what a connection may do in a line.
var choices = []choice{
	{24, (*gambler).write},
	{20, (*gambler).read},
	{12, (*gambler).watch},
	{10, (*gambler).pipeline},
	{8, (*gambler).multi},
	{4, (*gambler).multiRead},
	{5, (*gambler).watchesAgain},
	{4, (*gambler).removal},
	{3, (*gambler).staying},
	{3, (*gambler).wrong},
	{2, (*gambler).prove},
	{3, (*gambler).comeBack},
	{1, (*gambler).unknown},
	{1, (*gambler).leave},
}

func (g *gambler) line(format string, args ...any) {
	g.steps = append(g.steps, Step{Line: fmt.Sprintf(format, args...)})
}

// step lets one of the connections do something.
func (g *gambler) step() {
	conn := pick(g, "a", "b", "c")
	if g.open[conn] == 0 {
		g.line("%s open%s", conn, g.somewhere())
		g.sessions++
		g.open[conn] = g.sessions
		return
	}
	total := 0
	for _, c := range choices {
		total += c.weight
	}
	n := g.IntN(total)
	for _, c := range choices {
		if n -= c.weight; n < 0 {
			c.do(g, conn)
			return
		}
	}
}

// somewhere chooses a server, if there is a choice.
func (g *gambler) somewhere() string {
	if g.servers == 1 {
		return ""
	}
	return fmt.Sprintf(" at=%d", 1+g.IntN(g.servers))
}

func pick[T any](g *gambler, of ...T) T { return of[g.IntN(len(of))] }

// one says yes one time in n.
func (g *gambler) one(n int) bool { return g.IntN(n) == 0 }

// path is a node that may be there; now and then it is no path.
func (g *gambler) path() string {
	if g.one(40) {
		return pick(g, "x", `""`)
	}
	return g.node()
}

func (g *gambler) node() string {
	return g.root + pick(g, "", "/a", "/b", "/c", "/d", "/a/x", "/a/y", "/b/x", "/b/x/1", "/c/x", "/e", "/s-0000000003", "/a/0000000001")
}

// seen is a path for requests that read.
func (g *gambler) seen() string {
	if g.one(40) {
		return g.root + "/none/none"
	}
	return g.node()
}

func (g *gambler) data() string { return pick(g, "0", "data", `""`, "null", `"\x00\xff"`) }

func (g *gambler) version() string { return pick(g, "-1", "-1", "-1", "0", "1", "2", "-2") }

// acl is one that lets everybody read.
func (g *gambler) acl() string {
	return pick(g, "open", "open", "open", "open", "open", "open", "[r:world:anyone]", "[cdrwa:world:anyone,r:ip:127.0.0.1]",
		"[r:world:anyone,cdrwa:digest:u:Z/q0TZ4ZXwZFpWUpVDdqPqYsTg0=]", "[r:world:anyone,cdwa:ip:127.0.0.0/8]", "[]", "[r:nonsense:x]", "[r:world:anyone,cdrwa:auth:]")
}

// creation is a request that creates a node, without its connection.
func (g *gambler) creation() string {
	path, sequential := g.path(), g.root+pick(g, "/s-", "/a/", "/b/s", "/c/")
	switch g.IntN(10) {
	case 0:
		return fmt.Sprintf("createContainer %s %s %s 4", path, g.data(), g.acl())
	case 1:
		return fmt.Sprintf("createTTL %s %s %s 5 1000000", path, g.data(), g.acl())
	case 2:
		return fmt.Sprintf("createTTL %s %s %s 6 1000000", sequential, g.data(), g.acl())
	case 3, 4:
		return fmt.Sprintf("%s %s %s %s %d", pick(g, "create", "create2"), sequential, g.data(), g.acl(), 2+g.IntN(2))
	case 5, 6:
		return fmt.Sprintf("%s %s %s %s 1", pick(g, "create", "create2"), path, g.data(), g.acl())
	}
	return fmt.Sprintf("%s %s %s %s 0", pick(g, "create", "create2"), path, g.data(), g.acl())
}

// change is a request that changes something, and may stand in a multi.
func (g *gambler) change() string {
	switch g.IntN(6) {
	case 0, 1:
		return g.creation()
	case 2, 3:
		return fmt.Sprintf("setData %s %s %s", g.path(), g.data(), g.version())
	}
	return fmt.Sprintf("delete %s %s", g.doomed(), g.version())
}

// doomed is a node that may be deleted: not the one that all others are below.
func (g *gambler) doomed() string {
	if path := g.path(); path != g.root {
		return path
	}
	return g.root + "/c"
}

func (g *gambler) writing() string {
	switch g.IntN(12) {
	case 0:
		return fmt.Sprintf("setACL %s %s %s", g.path(), g.acl(), g.version())
	case 1:
		return fmt.Sprintf("setACL %s/d [cdrwa:world:anyone] -1", g.root)
	}
	return g.change()
}

func (g *gambler) reading() string {
	switch g.IntN(9) {
	case 0:
		return "exists " + g.seen() + " false"
	case 1:
		return "getData " + g.seen() + " false"
	case 2:
		return "getChildren " + g.seen() + " false"
	case 3, 4:
		return "getChildren2 " + g.seen() + " false"
	case 5:
		return "getACL " + g.seen()
	case 6:
		return "getEphemerals " + g.seen()
	case 7:
		return "getAllChildrenNumber " + g.seen()
	}
	return "sync " + g.seen()
}

func (g *gambler) write(conn string) { g.line("%s %s", conn, g.writing()) }

func (g *gambler) read(conn string) { g.line("%s %s", conn, g.reading()) }

// watched is a node that a connection may watch once. Nobody does so where it has watches that stay, and b alone does at w, where it
// removes watches, too.
func (g *gambler) watched(conn string) string {
	if conn == "b" && g.one(2) {
		return g.root + "/w"
	}
	for {
		if path := g.seen(); path != g.root && (conn != "a" || path != g.root+"/a") {
			return path
		}
	}
}

func (g *gambler) watch(conn string) {
	g.line("%s %s %s true", conn, pick(g, "exists", "getData", "getChildren", "getChildren2"), g.watched(conn))
}

// pipeline is several requests in one write. There is no setACL among them: ZooKeeper may still go by the list of before when it comes to the next.
func (g *gambler) pipeline(conn string) {
	for range 1 + g.IntN(5) {
		if g.one(3) {
			g.line("%s + %s", conn, g.reading())
		} else {
			g.line("%s + %s", conn, g.change())
		}
	}
	g.watch(conn)
}

func (g *gambler) multi(conn string) {
	var parts []string
	for range 1 + g.IntN(5) {
		if g.one(5) {
			parts = append(parts, fmt.Sprintf("check %s %s", g.node(), g.version()))
		} else {
			parts = append(parts, g.change())
		}
	}
	g.line("%s multi %s", conn, strings.Join(parts, " ; "))
}

func (g *gambler) multiRead(conn string) {
	var parts []string
	for range g.IntN(5) {
		parts = append(parts, fmt.Sprintf("%s %s false", pick(g, "getData", "getChildren"), g.seen()))
	}
	g.line("%s multiRead %s", conn, strings.Join(parts, " ; "))
}

// watchesAgain is what a client says that comes back with watches.
func (g *gambler) watchesAgain(conn string) {
	list := func() string {
		var paths []string
		for range g.IntN(4) {
			paths = append(paths, g.watched(conn))
		}
		return "[" + strings.Join(paths, ",") + "]"
	}
	zxid := pick(g, "z0", "z%20", "z%50", "z%80", "z%100")
	if g.one(3) {
		g.line("%s setWatches2 %s %s %s %s [] []", conn, zxid, list(), list(), list())
		return
	}
	g.line("%s setWatches %s %s %s %s", conn, zxid, list(), list(), list())
}

// removal looks for watches, or removes them: where nobody else watches, since ZooKeeper takes those of others for one's own.
func (g *gambler) removal(string) {
	if g.open["b"] != 0 {
		g.line("b %s %s/w %d", pick(g, "checkWatches", "removeWatches"), g.root, g.IntN(4))
	}
}

// staying is a watch that stays; only one kind is at a node.
func (g *gambler) staying(conn string) {
	if conn == "c" {
		g.line("c addWatch %s 1", g.root)
		return
	}
	g.line("a addWatch %s/a %d", g.root, pick(g, 0, 0, 0, 2, -1))
}

// wrong is a request that is not as it should be.
func (g *gambler) wrong(conn string) {
	g.line("%s %s", conn, pick(g, "getData", "getData x:00", "getData len(-7) z:0", "getData "+g.node()+" z:0 x:ff", "create "+g.root+"/q",
		"create "+g.root+"/q d len(2) i:31", "create "+g.root+"/q len(-5) a:open i:0", "setData "+g.node(), "delete", "exists len(1000000)", "multi x:00",
		"setACL "+g.node()+" null 0", "setWatches", "addWatch", "getChildren "+g.node()+" z:7", "create "+g.node()+" d open 5", "create "+g.node()+" d open 77",
		"createTTL "+g.node()+" d open 5 0", "createTTL "+g.node()+" d open 5 1099511627776", "multi exists "+g.node()+" false", "reconfig null null null -1",
		"xid=-8 exists "+g.node()+" false", "xid=0 getACL "+g.node(), "whoAmI", "ping"))
}

// prove says who a connection is, once.
func (g *gambler) prove(conn string) {
	if slices.Contains(g.proved, conn) {
		g.line("%s whoAmI", conn)
		return
	}
	g.proved = append(g.proved, conn)
	g.line("%s auth 0 digest %s", conn, pick(g, "u:p", "v:p"))
}

// comeBack takes up a session on another connection, or its own again.
func (g *gambler) comeBack(conn string) {
	session := g.open[conn]
	g.proved = slices.DeleteFunc(g.proved, func(c string) bool { return c == conn })
	g.line("%s hangup", conn)
	if g.one(4) {
		g.line("%s open session=#%d password=wrong%s", conn, session, g.somewhere())
	}
	g.line("%s open session=#%d%s%s", conn, session, g.somewhere(), pick(g, "", " ro=true", " ro=none", " zxid=z%100"))
}

// unknown is a request that there is not: the server closes the connection.
func (g *gambler) unknown(conn string) {
	g.line("%s op %d s:/x i:1", conn, pick(g, 10, 55, 99, 108, -7))
	g.gone(conn)
}

// leave ends a session.
func (g *gambler) leave(conn string) {
	g.line("%s closeSession", conn)
	g.gone(conn)
}

func (g *gambler) gone(conn string) {
	g.open[conn] = 0
	g.proved = slices.DeleteFunc(g.proved, func(c string) bool { return c == conn })
}
