package config

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

// The bounds of a secret in bytes.
const (
	minSecret = 16
	maxSecret = 4 << 10
)

// PeerSecret reads PeerSecretFile; nil if none is set. A line break at its end is not
// part of the secret. The errors are sentences that name the file.
func (c *Config) PeerSecret() ([]byte, error) {
	if c.PeerSecretFile == "" {
		return nil, nil
	}
	f, err := os.Open(c.PeerSecretFile)
	if err != nil {
		return nil, fmt.Errorf("--peer-secret-file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("--peer-secret-file: %w", err)
	}
	switch mode := info.Mode(); {
	case !mode.IsRegular():
		return nil, fmt.Errorf("--peer-secret-file: %s is no file", c.PeerSecretFile)
	case mode.Perm()&0o077 != 0:
		return nil, fmt.Errorf("--peer-secret-file: other users may use %s, its mode is %04o: chmod 600 it", c.PeerSecretFile, mode.Perm())
	}
	b, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return nil, fmt.Errorf("--peer-secret-file: %w", err)
	}
	secret := bytes.TrimRight(b, "\r\n")
	if len(secret) < minSecret || len(b) > maxSecret {
		return nil, fmt.Errorf("--peer-secret-file: the secret in %s must have %d bytes to %d", c.PeerSecretFile, minSecret, maxSecret)
	}
	return secret, nil
}
