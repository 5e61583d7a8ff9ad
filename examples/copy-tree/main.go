package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/go-zookeeper/zk"
)

// timeout of the sessions.
const timeout = 10 * time.Second

// atOnce is how many nodes are under way at a time.
const atOnce = 32

func main() {
	auth := flag.String("auth", "", "`user:password` for the scheme digest, e.g. that of the super user")
	compare := flag.Bool("compare", false, "write nothing, but say what differs")
	flag.Parse()
	if flag.NArg() != 2 {
		fmt.Fprintln(os.Stderr, "usage: copy-tree [-auth user:password] [-compare] FROM TO")
		os.Exit(2)
	}
	if err := run(flag.Arg(0), flag.Arg(1), *auth, *compare); err != nil {
		fmt.Fprintln(os.Stderr, "copy-tree:", err)
		os.Exit(1)
	}
}

// run copies or compares what is below two connect strings.
func run(from, to, auth string, compare bool) error {
	source, err := open(from, auth)
	if err != nil {
		return err
	}
	defer source.conn.Close()
	target, err := open(to, auth)
	if err != nil {
		return err
	}
	defer target.conn.Close()
	w := &walk{source: source, target: target, visit: target.put}
	if compare {
		w.visit = target.compare
	}
	for level := []string{""}; len(level) > 0; {
		level = w.each(level)
	}
	fmt.Printf("%d nodes, %d ephemeral ones left out, %d faults\n", w.done, w.ephemeral, w.faults)
	if w.faults > 0 {
		return fmt.Errorf("%d nodes are not the same", w.faults)
	}
	return nil
}

// side is the tree below a node of one ensemble.
type side struct {
	conn *zk.Conn
	root string // "" or a path
}

// open opens a session with the servers of a connect string.
func open(connect, auth string) (*side, error) {
	hosts, root, _ := strings.Cut(connect, "/")
	conn, _, err := zk.Connect(strings.Split(hosts, ","), timeout, zk.WithLogInfo(false))
	if err != nil {
		return nil, err
	}
	s := &side{conn: conn}
	if root = strings.Trim(root, "/"); root != "" {
		s.root = "/" + root
	}
	if auth != "" {
		err = conn.AddAuth("digest", []byte(auth))
	}
	return s, err
}

// path of a node below the side's root, which is "".
func (s *side) path(below string) string {
	if s.root+below == "" {
		return "/"
	}
	return s.root + below
}

// node is what is copied.
type node struct {
	data []byte
	acl  []zk.ACL
}

// get reads a node; nothing if it is ephemeral.
func (s *side) get(below string) (n *node, err error) {
	n = &node{}
	var stat *zk.Stat
	if n.data, stat, err = s.conn.Get(s.path(below)); err != nil || stat.EphemeralOwner != 0 {
		return nil, err
	}
	n.acl, _, err = s.conn.GetACL(s.path(below))
	return n, err
}

// put writes a node, whether it is there or not.
func (s *side) put(below string, n *node) error {
	path := s.path(below)
	_, err := s.conn.Create(path, n.data, 0, n.acl)
	if !errors.Is(err, zk.ErrNodeExists) {
		return err
	}
	if _, err = s.conn.Set(path, n.data, -1); err != nil {
		return err
	}
	_, err = s.conn.SetACL(path, n.acl, -1)
	return err
}

// compare fails if a node is not as another.
func (s *side) compare(below string, want *node) error {
	got, err := s.get(below)
	switch {
	case err != nil:
		return err
	case got == nil:
		return errors.New("it is ephemeral")
	case string(got.data) != string(want.data):
		return errors.New("its data differ")
	case fmt.Sprint(got.acl) != fmt.Sprint(want.acl):
		return errors.New("its ACL differs")
	}
	return nil
}

// walk goes through a tree from its root down, level by level.
type walk struct {
	source, target *side
	visit          func(below string, n *node) error

	mu                      sync.Mutex
	done, ephemeral, faults int      // guarded by mu
	next                    []string // the level below; guarded by mu
}

// each visits the nodes of one level, some at once, and returns those of the next.
func (w *walk) each(level []string) []string {
	w.next = nil
	var all sync.WaitGroup
	free := make(chan struct{}, atOnce)
	for _, below := range level {
		free <- struct{}{}
		all.Go(func() {
			w.one(below)
			<-free
		})
	}
	all.Wait()
	return w.next
}

// one visits a node, and notes its children.
func (w *walk) one(below string) {
	n, err := w.source.get(below)
	var children []string
	if err == nil && n != nil {
		err = w.visit(below, n)
	}
	if err == nil && n != nil {
		children, _, err = w.source.conn.Children(w.source.path(below))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case err != nil:
		w.faults++
		fmt.Fprintf(os.Stderr, "copy-tree: %s: %v\n", w.source.path(below), err)
	case n == nil:
		w.ephemeral++
	default:
		w.done++
	}
	for _, child := range children {
		if path := below + "/" + child; w.source.path(path) != "/zookeeper" {
			w.next = append(w.next, path)
		}
	}
}
