package lock_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/client/clienttest"
	"github.com/quorate/quorate/client/lock"
)

// One of several programs at a time changes /report, and only while it holds the lock.
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

	held, err := lock.New(s, "/locks/report").Lock(ctx)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := s.Multi(ctx, held.Guard(), client.CreateOp("/report", []byte("all is well"))); err != nil {
		log.Fatal(err)
	}
	_, err = lock.New(s, "/locks/report").TryLock(ctx)
	fmt.Println(err)
	if err := held.Unlock(ctx); err != nil {
		log.Fatal(err)
	}
	_, err = s.Multi(ctx, held.Guard(), client.SetOp("/report", []byte("too late")))
	fmt.Println(errors.Is(err, client.ErrNoNode))
	report, _ := s.Get(ctx, "/report")
	fmt.Printf("%s\n", report.Data)
	// Output:
	// the lock is held by another
	// true
	// all is well
}
