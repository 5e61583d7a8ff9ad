package identity

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"

	"github.com/quorate/quorate/store/txn"
)

// The file is text, so that a person finds out with cat whose directory this is:
//
//	quorate identity 1
//	server 2
//	storage 9f0c6e5a1b2c3d4e
//	ensemble 0000000000000000
//	crc32c 1a2b3c4d
//
// The checksum covers every byte before its line. There is one way to write a
// record; anything else is damage.
const (
	title   = "quorate identity "
	version = 1
	maxSize = 4096
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encode returns the file's bytes.
func encode(r Record) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s%d\nserver %d\nstorage %s\nensemble %s\n", title, version, r.Server, r.Storage, r.Ensemble)
	fmt.Fprintf(&b, "crc32c %08x\n", crc32.Checksum(b.Bytes(), castagnoli))
	return b.Bytes()
}

// decode reads what encode wrote, and nothing else.
func decode(b []byte) (Record, error) {
	body, err := checked(b)
	if err != nil {
		return Record{}, err
	}
	lines := strings.Split(string(body), "\n")
	format, err := strconv.ParseUint(strings.TrimPrefix(lines[0], title), 10, 32)
	if err != nil || !strings.HasPrefix(lines[0], title) {
		return Record{}, errors.New("its first line is not that of an identity file")
	}
	if format != version {
		return Record{}, fmt.Errorf("it has format %d and this program knows format %d: "+
			"it was written by another version of Quorate; start that version", format, version)
	}
	r, err := fields(lines[1:])
	if err == nil && !bytes.Equal(encode(r), b) {
		err = errors.New("it has a line that does not belong there")
	}
	if err != nil {
		return Record{}, err
	}
	return r, r.validate()
}

// checked returns the bytes before the checksum line if that line is right.
func checked(b []byte) ([]byte, error) {
	at := bytes.LastIndex(b, []byte("crc32c "))
	if at <= 0 || len(b) > maxSize {
		return nil, errors.New("it has no checksum line")
	}
	if want := fmt.Sprintf("crc32c %08x\n", crc32.Checksum(b[:at], castagnoli)); string(b[at:]) != want {
		return nil, errors.New("its checksum is wrong")
	}
	return b[:at], nil
}

func fields(lines []string) (Record, error) {
	names := [...]string{"server", "storage", "ensemble"}
	bases := [...]int{10, 16, 16}
	var values [len(names)]uint64
	if len(lines) < len(names) {
		return Record{}, errors.New("lines are missing")
	}
	for i, name := range names {
		text, ok := strings.CutPrefix(lines[i], name+" ")
		n, err := strconv.ParseUint(text, bases[i], 64)
		if !ok || err != nil {
			return Record{}, fmt.Errorf("its line %d is not the %s", i+2, name)
		}
		values[i] = n
	}
	if values[0] > uint64(txn.MaxServerID) {
		return Record{}, fmt.Errorf("its server id is %d", values[0])
	}
	return Record{
		Server:   txn.ServerID(values[0]),
		Storage:  txn.StorageID(values[1]),
		Ensemble: txn.EnsembleID(values[2]),
	}, nil
}
