package cli

import (
	"fmt"
	"io"
	"os"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/cmd/quorate/internal/outcome"
)

// ReadValue returns a value given as an argument, in a file, or, as the argument "-", on
// standard input. It is nil if there is none, and empty but not nil if it is empty.
func (c *Console) ReadValue(args []string, file string) ([]byte, error) {
	switch {
	case file != "" && len(args) > 0:
		return nil, outcome.Usagef("data is given twice: as an argument and with --file")
	case file != "":
		f, err := os.Open(file)
		if err != nil {
			return nil, outcome.With(outcome.Usage, err)
		}
		defer func() { _ = f.Close() }()
		return readAll(f, file)
	case len(args) == 0:
		return nil, nil
	case args[0] == "-":
		return readAll(c.In, "standard input")
	}
	return []byte(args[0]), nil
}

// readAll reads to the end, but no more than could be sent.
func readAll(r io.Reader, name string) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, client.MaxMessageSize))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	case len(data) == client.MaxMessageSize:
		return nil, outcome.Usagef("%s holds %d bytes or more: too much for one message", name, client.MaxMessageSize)
	}
	return data, nil
}
