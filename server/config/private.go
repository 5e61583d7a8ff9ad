package config

import (
	"fmt"
	"io"
	"os"
)

// readPrivate reads the file that a flag names: at most limit bytes, and one more if there are more. A file that
// other users may read or write is refused.
func readPrivate(flag, path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("--%s: %w", flag, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("--%s: %w", flag, err)
	}
	switch mode := info.Mode(); {
	case !mode.IsRegular():
		return nil, fmt.Errorf("--%s: %s is no file", flag, path)
	case mode.Perm()&0o077 != 0:
		return nil, fmt.Errorf("--%s: other users may use %s, its mode is %04o: chmod 600 it", flag, path, mode.Perm())
	}
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("--%s: %w", flag, err)
	}
	return b, nil
}
