package cache_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/client/cache"
	"github.com/quorate/quorate/client/clienttest"
)

// The configuration is read from memory, always all of it from one version.
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

	config := cache.New(c, "/config")
	ended := make(chan error)
	go func() { ended <- config.Run(ctx) }()
	made, err := c.Multi(ctx,
		client.CreateOp("/config", nil),
		client.CreateOp("/config/host", []byte("db1")),
		client.CreateOp("/config/port", []byte("5432")))
	if err != nil {
		log.Fatal(err)
	}
	view, err := config.Wait(ctx, made[0].Zxid)
	if err != nil {
		log.Fatal(err)
	}
	for n := range view.Children("/config") {
		fmt.Printf("%s = %s\n", n.Path, n.Data)
	}
	cancel()
	<-ended
	// Output:
	// /config/host = db1
	// /config/port = 5432
}
