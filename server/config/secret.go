package config

import (
	"bytes"
	"fmt"
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
	b, err := readPrivate("peer-secret-file", c.PeerSecretFile, maxSecret)
	if err != nil {
		return nil, err
	}
	secret := bytes.TrimRight(b, "\r\n")
	if len(secret) < minSecret || len(b) > maxSecret {
		return nil, fmt.Errorf("--peer-secret-file: the secret in %s must have %d bytes to %d", c.PeerSecretFile, minSecret, maxSecret)
	}
	return secret, nil
}
