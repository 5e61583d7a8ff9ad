package barrier_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/client/barrier"
	"github.com/quorate/quorate/client/clienttest"
)

// Three begin together and end together.
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

	b := barrier.New(s, "/computation", 3)
	results := make(chan string)
	for i := range 3 {
		go func() {
			member, err := b.Enter(ctx)
			if err != nil {
				log.Fatal(err)
			}
			results <- fmt.Sprintf("part %d", i) // all are there
			if err := member.Leave(ctx); err != nil {
				log.Fatal(err)
			}
			results <- "all have left"
		}()
	}
	for range 3 {
		<-results
	}
	for range 3 {
		fmt.Println(<-results)
	}
	// Output:
	// all have left
	// all have left
	// all have left
}
