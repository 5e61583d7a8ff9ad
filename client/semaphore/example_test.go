package semaphore_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/client/clienttest"
	"github.com/quorate/quorate/client/semaphore"
)

// Two at a time.
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

	downloads := semaphore.New(s, "/downloads", 2)
	one, err := downloads.Acquire(ctx)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := downloads.Acquire(ctx); err != nil {
		log.Fatal(err)
	}
	soon, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	_, err = downloads.Acquire(soon)
	fmt.Println("a third:", err)
	if err := one.Release(ctx); err != nil {
		log.Fatal(err)
	}
	_, err = downloads.Acquire(ctx)
	fmt.Println("after one was given back:", err)
	// Output:
	// a third: context deadline exceeded
	// after one was given back: <nil>
}
