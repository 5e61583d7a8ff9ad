package commands

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"

	"github.com/quorate/quorate/server/facts"
	"github.com/quorate/quorate/server/identity"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// Config is what commands are answered by.
type Config struct {
	// Facts is what there is to tell.
	Facts *facts.Source
	// Path is where the commands are: it begins with a slash and does not end with one.
	Path string
	// Prover judges who asks for a command that changes something.
	Prover *identity.Prover
	// Snapshot writes a snapshot, if there is none of what is applied, and opens its file, which is size bytes long.
	Snapshot func(context.Context) (file io.ReadCloser, at txn.Zxid, size int64, err error)
}

// New returns what answers the commands below c.Path, and an index of them there. It may be used by anybody.
func New(c Config) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+c.Path, c.index)
	mux.HandleFunc("GET "+c.Path+"/{$}", c.index)
	mux.HandleFunc(c.Path+"/{command}", c.serve)
	return mux
}

// index lists the commands as links.
func (c *Config) index(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	for _, one := range table {
		fmt.Fprintf(w, "<a href=\"%s/%s\">%s</a>\n<br/>\n", c.Path, one.name, one.name)
	}
}

// refusal is an error with its HTTP status.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

// serve answers one command. What goes wrong with it stands in the answer: by itself it is no error of HTTP, as in ZooKeeper.
func (c *Config) serve(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("command")
	this := &call{cfg: c, facts: c.Facts, request: r, writer: w}
	err := &refusal{status: http.StatusOK, text: "Unknown command: " + name}
	if known, ok := find(name); ok {
		name, err = known.name, c.run(known, this)
	}
	if this.streamed {
		return
	}
	status := http.StatusOK
	this.tell("command", name)
	if err == nil {
		this.tell("error", nil)
	} else {
		status = err.status
		this.tell("error", err.text)
	}
	reply(w, status, this.answer)
}

func reply(w http.ResponseWriter, status int, answer object) {
	w.Header().Set("Content-Type", "application/json")
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "digest")
	}
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	_ = e.Encode(answer) // the client has gone
}

// notServing is the answer of a server without a leader.
const notServing = "This ZooKeeper instance is not currently serving requests"

// run runs a command if it may be.
func (c *Config) run(known command, this *call) *refusal {
	method := http.MethodGet
	if known.method != "" {
		method = known.method
	}
	if asked := this.request.Method; asked != method && !(asked == http.MethodHead && method == http.MethodGet) {
		this.writer.Header().Set("Allow", method)
		return &refusal{http.StatusMethodNotAllowed, known.name + " is asked for by " + method}
	}
	if known.trusted {
		if err := c.trust(this.request); err != nil {
			return err
		}
	}
	if !known.always && c.Facts.State() == facts.Silent {
		return &refusal{http.StatusOK, notServing}
	}
	err := known.run(this)
	if err == nil {
		return nil
	}
	this.answer = nil
	var own *refusal
	if errors.As(err, &own) {
		return own
	}
	return &refusal{http.StatusInternalServerError, err.Error()}
}

// trust refuses who has not all permissions on "/".
func (c *Config) trust(r *http.Request) *refusal {
	scheme, credentials, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !identity.Named(credentials) {
		return &refusal{http.StatusUnauthorized, "want the header Authorization: digest user:password"}
	}
	ids, err := c.Prover.Prove(strings.ToLower(scheme), credentials)
	if err != nil {
		return &refusal{http.StatusUnauthorized, err.Error()}
	}
	if at, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		ids = append(ids, tree.ID{Scheme: "ip", ID: at.Addr().Unmap().String()})
	}
	v := c.Facts.Version()
	root, _ := v.Get("/")
	for _, each := range []txn.Perms{txn.MayRead, txn.MayWrite, txn.MayCreate, txn.MayDelete, txn.MayAdmin} { // ZooKeeper is content with one of them
		if !tree.Allowed(v.ACL(root), each, ids) {
			return &refusal{http.StatusForbidden, "want all permissions on /"}
		}
	}
	return nil
}
