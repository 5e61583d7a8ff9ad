package tree

import (
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/txn"
)

// The schemes of identities.
const (
	schemeWorld  = "world"
	schemeAuth   = "auth"
	schemeDigest = "digest"
	schemeIP     = "ip"
	schemeX509   = "x509"
	schemeSASL   = "sasl"
	schemeSuper  = "super"

	anyone = "anyone"
)

// ID is one identity of a caller, e.g. {"ip", "10.0.0.1"} or {"digest", "user:hash"}.
type ID struct{ Scheme, ID string }

// Caller is who asks: all identities that were proven, in the order in which they
// were. A caller with the scheme "super" among them may do everything; nobody at
// all (nil) may do what the world may.
type Caller []ID

// Super is the caller that may do everything: the server itself.
func Super() Caller { return Caller{{Scheme: schemeSuper}} }

// OpenACL returns the list that lets everybody do everything.
func OpenACL() []txn.ACE {
	return []txn.ACE{{Perms: txn.MayAll, Scheme: schemeWorld, ID: anyone}}
}

// Allowed tells whether acl lets who do any of want: pass one permission, or
// several of which one is enough (READ or ADMIN for reading an access control list).
func Allowed(acl []txn.ACE, want txn.Perms, who Caller) bool {
	for i := range acl {
		e := &acl[i]
		if e.Perms&want != 0 && e.Scheme == schemeWorld && e.ID == anyone {
			return true
		}
	}
	for _, id := range who {
		if id.Scheme == schemeSuper {
			return true
		}
		for i := range acl {
			if acl[i].Perms&want != 0 && matches(&acl[i], id) {
				return true
			}
		}
	}
	return false
}

// matches tells whether the entry names id.
func matches(e *txn.ACE, id ID) bool {
	if e.Scheme != id.Scheme {
		return false
	}
	return e.ID == id.ID || e.Scheme == schemeIP && inNetwork(e.ID, id.ID)
}

// inNetwork tells whether the address ip is in network, an address or a prefix.
func inNetwork(network, ip string) bool {
	addr, err := netip.ParseAddr(ip)
	prefix, ok := parseNetwork(network)
	return err == nil && ok && prefix.Contains(addr.Unmap().WithZone(""))
}

// parseNetwork reads "addr" or "addr/bits"; an address alone is a network of one.
func parseNetwork(s string) (netip.Prefix, bool) {
	if strings.Contains(s, "/") {
		p, err := netip.ParsePrefix(s)
		return p, err == nil
	}
	addr, err := netip.ParseAddr(s)
	if err != nil || addr.Zone() != "" {
		return netip.Prefix{}, false
	}
	addr = addr.Unmap()
	return netip.PrefixFrom(addr, addr.BitLen()), true
}

// Masked returns acl with the hashes of digest entries replaced by "x": what a
// caller without ADMIN gets to see. The given list is not changed.
func Masked(acl []txn.ACE) []txn.ACE {
	masked := slices.Clone(acl)
	for i := range masked {
		if e := &masked[i]; e.Scheme == schemeDigest {
			user, _, _ := strings.Cut(e.ID, ":")
			e.ID = user + ":x"
		}
	}
	return masked
}

// resolveACL returns acl as it is stored: entries of scheme auth replaced by the
// caller's identities, duplicates dropped. Path is for the error alone.
func resolveACL(path string, acl []txn.ACE, who Caller) ([]txn.ACE, error) {
	if isOpen(acl) {
		return acl, nil
	}
	resolved := make([]txn.ACE, 0, len(acl))
	for _, e := range acl {
		if why := invalidACE(e); why != "" {
			return nil, fault.New(fault.InvalidACL, path, "entry %s:%q: %s", e.Scheme, e.ID, why)
		}
		if e.Scheme != schemeAuth {
			resolved = addACE(resolved, e)
			continue
		}
		own := false
		for _, id := range who {
			if provesIdentity(id.Scheme) && utf8.ValidString(id.Scheme) && utf8.ValidString(id.ID) {
				resolved, own = addACE(resolved, txn.ACE{Perms: e.Perms, Scheme: id.Scheme, ID: id.ID}), true
			}
		}
		if !own {
			return nil, fault.New(fault.InvalidACL, path, "scheme auth stands for the caller's identities, and the caller has none")
		}
	}
	if len(resolved) == 0 {
		return nil, fault.New(fault.InvalidACL, path, "the access control list is empty")
	}
	return resolved, nil
}

// addACE adds e to acl unless it stands there.
func addACE(acl []txn.ACE, e txn.ACE) []txn.ACE {
	if slices.Contains(acl, e) {
		return acl
	}
	return append(acl, e)
}

// provesIdentity tells whether scheme auth stands for identities of this scheme:
// an address is not who somebody is.
func provesIdentity(scheme string) bool {
	return scheme != schemeIP && scheme != schemeWorld && scheme != schemeSuper
}

// invalidACE says what is wrong with an entry, "" if nothing is.
func invalidACE(e txn.ACE) string {
	if e.Perms == 0 || e.Perms&^txn.MayAll != 0 {
		return "permissions are a sum of READ 1, WRITE 2, CREATE 4, DELETE 8 and ADMIN 16"
	}
	if !utf8.ValidString(e.ID) {
		// It would make a txn that no server can decode.
		return "the id is not UTF-8"
	}
	switch e.Scheme {
	case schemeAuth, schemeSuper:
		return ""
	case schemeWorld:
		if e.ID != anyone {
			return "the only id of scheme world is anyone"
		}
	case schemeDigest:
		if user, hash, ok := strings.Cut(e.ID, ":"); !ok || user == "" || hash == "" || strings.Contains(hash, ":") {
			return "want user:base64(sha1(user:password))"
		}
	case schemeIP:
		if _, ok := parseNetwork(e.ID); !ok {
			return "want an address or address/bits"
		}
	case schemeX509, schemeSASL:
		if e.ID == "" {
			return "the id is empty"
		}
	default:
		return "the scheme is none of world, auth, digest, ip, x509, sasl and super"
	}
	return ""
}

func isOpen(acl []txn.ACE) bool {
	return len(acl) == 1 && acl[0].Perms == txn.MayAll && acl[0].Scheme == schemeWorld && acl[0].ID == anyone
}
