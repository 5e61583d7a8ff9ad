package process

import (
	"fmt"
	"os"
	"strconv"
)

// Setting reads a number from an environment variable, by which a long run asks more of a test than a short one; otherwise if it is not set.
func Setting(name string, otherwise int) (int, error) {
	text := os.Getenv(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	return n, nil
}
