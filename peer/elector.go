package peer

import (
	"context"

	"github.com/quorate/quorate/peer/election"
	"github.com/quorate/quorate/store/txn"
)

// elector is this server's part in elections.
type elector struct {
	machine *election.Machine
	p       *Peer
}

func newElector(p *Peer, c election.Config) (*elector, error) {
	m, err := election.New(c)
	return &elector{machine: m, p: p}, err
}

func (e *elector) run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

func (e *elector) look(ctx context.Context, l election.Look) (election.Decide, error) {
	for _, a := range e.machine.Step(0, l) {
		if d, ok := a.(election.Decide); ok {
			return d, nil
		}
	}
	<-ctx.Done()
	return election.Decide{}, context.Cause(ctx)
}

func (e *elector) settled(leader txn.ServerID, reign txn.Epoch) {}
func (e *elector) changed(v election.View)                      {}
func (e *elector) status() election.Status                      { return e.machine.Status() }
func (e *elector) serve(s ExchangeServer) error                 { return nil }
