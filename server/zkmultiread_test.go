package server

import (
	"strings"
	"testing"

	"github.com/quorate/quorate/internal/compat/wire"
	"github.com/quorate/quorate/store/vfs"
)

// A short request for a lot gets as much as four packets hold; what is beyond that fails by itself.
func TestMultiReadsAreBounded(t *testing.T) {
	const size, reads, most = 500_000, 60, 9 << 20
	w := run(t, vfs.NewMem(), nil)
	z := zkDial(t, w, wire.Hello{Timeout: 10_000})
	if r := z.create(1, "/large", strings.Repeat("x", size)); r.code != 0 {
		t.Fatalf("create: %d", r.code)
	}
	r := z.ask(2, 22, func(p wire.Packet) wire.Packet {
		for range reads {
			p = p.Int(zkGet).Bool(false).Int(-1).String("/large").Bool(false)
		}
		return p.Int(-1).Bool(true).Int(-1)
	})
	answer := r.Rest()
	if r.code != 0 || len(answer) < 8<<20 || len(answer) > most {
		t.Errorf("answered with %d and %d bytes", r.code, len(answer))
	}
	end := wire.Packet{}.Int(-1).Bool(false).Int(-5).Int(-5).Int(-1).Bool(true).Int(-1)
	if !strings.HasSuffix(string(answer), string(end)) {
		t.Errorf("the last read ends in %x", answer[max(0, len(answer)-len(end)):])
	}
}
