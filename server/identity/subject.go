package identity

import (
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"strings"

	"github.com/quorate/quorate/store/tree"
)

// OfCertificate returns the identity in the scheme x509 that a client has by its certificate, if somebody whom the server trusts vouches for it: the
// subject as ZooKeeper writes it, which is how Java's X500Principal.getName does it (RFC 2253), e.g. "CN=ann,OU=ops+UID=7,DC=example".
func OfCertificate(verified [][]*x509.Certificate) (tree.ID, bool) {
	if len(verified) == 0 {
		return tree.ID{}, false
	}
	return tree.ID{Scheme: "x509", ID: strings.ToValidUTF8(subject(verified[0][0]), "\uFFFD")}, true
}

// attribute of a name, as it is encoded.
type attribute struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue
}

// attributeSET are attributes that are one step of a name. The end of the type's name makes encoding/asn1 read a SET.
type attributeSET []attribute

// keywords of RFC 2253, as Java has them. Other types are written as numbers.
var keywords = map[string]string{
	"2.5.4.3":                    "CN",
	"2.5.4.6":                    "C",
	"2.5.4.7":                    "L",
	"2.5.4.8":                    "ST",
	"2.5.4.9":                    "STREET",
	"2.5.4.10":                   "O",
	"2.5.4.11":                   "OU",
	"0.9.2342.19200300.100.1.1":  "UID",
	"0.9.2342.19200300.100.1.25": "DC",
}

// subject of a certificate: its steps from the last to the first, each as it is encoded. The name that Go makes of it has an order of its
// own, and fewer keywords.
func subject(c *x509.Certificate) string {
	var steps []attributeSET
	if _, err := asn1.Unmarshal(c.RawSubject, &steps); err != nil { // not reached: the certificate was verified
		return c.Subject.String()
	}
	var b strings.Builder
	for i := len(steps) - 1; i >= 0; i-- {
		for j, a := range steps[i] {
			if j > 0 {
				b.WriteByte('+')
			}
			a.write(&b)
		}
		if i > 0 {
			b.WriteByte(',')
		}
	}
	return b.String()
}

// write writes one attribute: its value as text if both its type and its value have a name, else the bytes of its encoding.
func (a attribute) write(b *strings.Builder) {
	number := a.Type.String()
	keyword, known := keywords[number]
	if !known || !text(a.Value) {
		if !known {
			keyword = number
		}
		b.WriteString(keyword + "=#" + hex.EncodeToString(a.Value.FullBytes))
		return
	}
	b.WriteString(keyword + "=" + escape(string(a.Value.Bytes)))
}

// text tells whether a value is of a type that Java writes as text.
func text(v asn1.RawValue) bool {
	if v.Class != asn1.ClassUniversal {
		return false
	}
	switch v.Tag {
	case asn1.TagPrintableString, asn1.TagUTF8String, asn1.TagIA5String, asn1.TagT61String, asn1.TagGeneralString, asn1.TagBMPString:
		return true
	default:
		return false
	}
}

// escape puts backslashes into a value where RFC 2253 wants them, and before the characters at which Java wants them besides.
func escape(value string) string {
	blank := func(r rune) bool { return r == ' ' || r == '\r' }
	lead := len(value) - len(strings.TrimLeftFunc(value, blank))
	trail := len(strings.TrimRightFunc(value, blank))
	var b strings.Builder
	for i, r := range value {
		switch {
		case r == 0:
			b.WriteString(`\00`)
			continue
		case strings.ContainsRune(",=+<>#;\\\"", r), i < lead, i >= trail:
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
