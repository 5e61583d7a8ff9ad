package queue_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/client/clienttest"
	"github.com/quorate/quorate/client/queue"
)

// The effect of an item and its end are one change: it happens once, whatever breaks.
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

	q := queue.New(s, "/mails")
	for _, to := range []string{"ann", "bob"} {
		if err := q.Put(ctx, []byte(to)); err != nil {
			log.Fatal(err)
		}
	}
	for range 2 {
		item, err := q.Take(ctx)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("greeting %s\n", item.Data)
		greeted := client.CreateOp("/"+string(item.Data), []byte("greeted"))
		if _, err := s.Multi(ctx, append(item.DoneOps(), greeted)...); err != nil {
			log.Fatal(err)
		}
	}
	n, _ := q.Len(ctx)
	fmt.Println(n, "left")
	// Output:
	// greeting ann
	// greeting bob
	// 0 left
}
