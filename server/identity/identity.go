package identity

import (
	"crypto/sha1" //nolint:gosec // ZooKeeper's digest scheme is defined on it
	"encoding/base64"
	"net"
	"net/netip"
	"strings"
	"unicode/utf8"

	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
)

// Max is how many identities one client may show.
const Max = 16

// Prover knows what proves which identity. Its methods may be called by anybody.
type Prover struct {
	super string // the digest identity that may do everything; empty: none
}

// NewProver returns one that gives everything to whoever proves the
// digest identity superDigest, user:base64(sha1(user:password)); empty: to nobody.
func NewProver(superDigest string) *Prover { return &Prover{super: superDigest} }

// Prove returns the identities that credentials prove in the scheme digest, which is the only one: user:password, or whatever else,
// as ZooKeeper has it. Its error, of kind AuthFailed, does not repeat them: they hold a password.
func (p *Prover) Prove(scheme, credentials string) ([]tree.ID, error) {
	if !utf8.ValidString(credentials) { // it would make a txn that no server can decode
		return nil, fault.New(fault.AuthFailed, "", "the credentials are not UTF-8")
	}
	if scheme != "digest" {
		return nil, fault.New(fault.AuthFailed, "", "want \"digest user:password\"; digest is the only scheme")
	}
	id := tree.ID{Scheme: "digest", ID: digest(credentials)}
	if p.super != "" && id.ID == p.super {
		return []tree.ID{id, {Scheme: "super"}}, nil
	}
	return []tree.ID{id}, nil
}

// Digest returns the identity of a user in the scheme digest, as it stands in
// access control lists: user:base64(sha1(user:password)).
func Digest(user, password string) string { return digest(user + ":" + password) }

func digest(credentials string) string {
	user, _, _ := strings.Cut(credentials, ":")
	sum := sha1.Sum([]byte(credentials)) //nolint:gosec // see above
	return user + ":" + base64.StdEncoding.EncodeToString(sum[:])
}

// Named tells whether credentials have the form user:password.
func Named(credentials string) bool {
	user, _, ok := strings.Cut(credentials, ":")
	return ok && user != ""
}

// OfAddress returns the identity in the scheme ip that a client has by its address, if it comes over IP.
func OfAddress(a net.Addr) (tree.ID, bool) {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return tree.ID{}, false
	}
	ip, ok := netip.AddrFromSlice(tcp.IP)
	return tree.ID{Scheme: "ip", ID: ip.Unmap().String()}, ok
}

// IsSuper tells whether the caller may do everything.
func IsSuper(c tree.Caller) bool {
	for _, id := range c {
		if id.Scheme == "super" {
			return true
		}
	}
	return false
}

// maxAuthor bounds in bytes what each txn holds of its author.
const maxAuthor = 256

// Author names the caller in the log: the first identity that was proved, else the address.
func Author(c tree.Caller) string {
	for _, id := range c {
		if id.Scheme != "digest" && id.Scheme != "x509" && id.Scheme != "sasl" {
			continue
		}
		name := Name(id)
		return id.Scheme + ":" + strings.ToValidUTF8(name[:min(len(name), maxAuthor)], "") // a character may be cut in two
	}
	if len(c) == 0 {
		return ""
	}
	return c[0].Scheme + ":" + c[0].ID
}

// Name is an identity as it may be shown: without the hash of a password, which is a secret of the access control lists.
func Name(id tree.ID) string {
	if id.Scheme != "digest" {
		return id.ID
	}
	user, _, _ := strings.Cut(id.ID, ":")
	return user
}
