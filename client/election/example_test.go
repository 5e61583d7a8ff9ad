package election_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/client/clienttest"
	"github.com/quorate/quorate/client/election"
)

// One of several programs leads, tells where it is to be found, and changes the tree only in its term.
func Example() {
	address, stop := clienttest.New().Local() // an ensemble in memory
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := client.Dial([]string{address})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	s, err := c.OpenSession(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = s.Close(ctx) }()

	e := election.New(s, "/election")
	term, err := e.Campaign(ctx, []byte("10.0.0.1:80"))
	if err != nil {
		log.Fatal(err)
	}
	leader, err := e.Leader(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("the leader is at %s\n", leader.Value)
	if _, err := s.Multi(ctx, term.Guard(), client.CreateOp("/plan", []byte("by the leader"))); err != nil {
		log.Fatal(err)
	}
	if err := term.Resign(ctx); err != nil {
		log.Fatal(err)
	}
	_, err = e.Leader(ctx)
	fmt.Println(err)
	// Output:
	// the leader is at 10.0.0.1:80
	// there is no leader
}
