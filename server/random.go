package server

import (
	"crypto/rand"
	"encoding/binary"
)

// randomNumber returns a number that nobody can guess and that does not repeat:
// identities of ensembles and directories are made of it.
func randomNumber() uint64 {
	var b [8]byte
	randomBytes(b[:])
	return binary.LittleEndian.Uint64(b[:])
}

// randomBytes fills b with what nobody can guess.
func randomBytes(b []byte) {
	rand.Read(b) //nolint:errcheck // never fails, says its documentation
}
