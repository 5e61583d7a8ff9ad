package main

import (
	"context"
	"os"

	"github.com/quorate/quorate/cmd/quorate/internal/cli"
)

func main() {
	console := &cli.Console{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv}
	os.Exit(int(execute(context.Background(), console, os.Args[1:])))
}
