package group_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/client/clienttest"
	"github.com/quorate/quorate/client/group"
)

// Who is there, and where.
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

	workers := group.New(s, "/workers")
	ann, err := workers.Join(ctx, "ann", []byte("10.0.0.1:80"))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := workers.Join(ctx, "bob", []byte("10.0.0.2:80")); err != nil {
		log.Fatal(err)
	}
	for members, err := range workers.Watch(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		for _, m := range members {
			fmt.Printf("%s at %s\n", m.Name, m.Data)
		}
		if len(members) == 1 {
			break
		}
		if err := ann.Leave(ctx); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// ann at 10.0.0.1:80
	// bob at 10.0.0.2:80
	// bob at 10.0.0.2:80
}
