package main

import (
	"testing"

	"github.com/quorate/quorate/cmd/quorate/internal/outcome"
)

// TestDoctor says what it found, and the exit code how grave that is.
func TestDoctor(t *testing.T) {
	t.Parallel()
	sh := shell{t: t, server: startServer(t)}
	equal(t, sh.ok("doctor"), "  Server 1 leads, and nothing is wrong with the 1 server asked.\n")
	if o := sh.json("doctor"); o["healthy"] != true || o["leader"] != 1.0 {
		t.Errorf("JSON: %v", o)
	}
	down := nobody(t)
	r := sh.run("doctor", "--server", sh.server+","+down)
	if r.code != outcome.Failed || r.err != "" {
		t.Errorf("with a server that is down: exit code %d\n%s", r.code, r.err)
	}
	contains(t, r.out, "! "+down+" does not answer: ")
	if r := sh.run("doctor", "--server", down); r.code != outcome.Unavailable {
		t.Errorf("without any server: exit code %d", r.code)
	}
}

// TestResign asks the leader among those named, and says who it is if it is not.
func TestResign(t *testing.T) {
	t.Parallel()
	sh := shell{t: t, server: startServer(t)}
	equal(t, sh.ok("resign"), "server 1 has resigned\n")
	leads(t, sh.server)
	contains(t, sh.ok("status"), "  leader  2 ")
	contains(t, sh.fails(outcome.Usage, "resign", "--to", "2"), "server 2 is no voter that follows this leader")
	sh.fails(outcome.Usage, "resign", "--to", "300")
	sh.fails(outcome.Unavailable, "resign", "--server", nobody(t))
}
