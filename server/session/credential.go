package session

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/txn"
)

// SecretSize is the length of a session's secret in bytes: that of ZooKeeper's passwords. Unlike those it cannot be derived
// from the id.
const SecretSize = 16

// Credential names a session and proves to be its client.
type Credential struct {
	ID     txn.SessionID
	Secret [SecretSize]byte
}

// String returns the credential as clients keep it: the id and the secret in hexadecimal digits, a dash between them.
func (c Credential) String() string {
	id := strconv.FormatUint(uint64(c.ID), 16)
	return strings.Repeat("0", 16-len(id)) + id + "-" + hex.EncodeToString(c.Secret[:])
}

// Hash is what the tree holds of the secret.
func (c Credential) Hash() []byte {
	sum := sha256.Sum256(c.Secret[:])
	return sum[:]
}

// ParseCredential reads what String wrote. The error is of kind BadArguments and does not repeat it: it is a secret.
func ParseCredential(s string) (Credential, error) {
	var c Credential
	id, secret, _ := strings.Cut(s, "-")
	n, err := strconv.ParseUint(id, 16, 64)
	if raw, bad := hex.DecodeString(secret); err == nil && bad == nil && len(id) == 16 && len(raw) == SecretSize && n != 0 {
		return Credential{ID: txn.SessionID(n), Secret: [SecretSize]byte(raw)}, nil
	}
	return c, fault.New(fault.BadArguments, "", "the session's credential is none that a server has given out")
}
