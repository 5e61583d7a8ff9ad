package identity

import (
	"crypto/x509"
	"encoding/asn1"
	"testing"
)

// TestSubjectsAreNamedAsInJava: ACLs that were written for ZooKeeper name clients so. What is wanted is what X500Principal.getName says in Java 17.
func TestSubjectsAreNamedAsInJava(t *testing.T) {
	var (
		c, o, ou, cn = asn1.ObjectIdentifier{2, 5, 4, 6}, asn1.ObjectIdentifier{2, 5, 4, 10}, asn1.ObjectIdentifier{2, 5, 4, 11}, asn1.ObjectIdentifier{2, 5, 4, 3}
		uid          = asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 1}
		dc           = asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 25}
		mail         = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}
	)
	a := func(id asn1.ObjectIdentifier, tag int, value string) attribute {
		return attribute{id, asn1.RawValue{Tag: tag, Bytes: []byte(value)}}
	}
	utf8 := func(id asn1.ObjectIdentifier, value string) attributeSET {
		return attributeSET{a(id, asn1.TagUTF8String, value)}
	}
	for want, name := range map[string][]attributeSET{
		"":                 {},
		"CN=ann,O=x,C=DE":  {utf8(c, "DE"), utf8(o, "x"), utf8(cn, "ann")},
		"C=DE,O=x,CN=ann":  {utf8(cn, "ann"), utf8(o, "x"), utf8(c, "DE")}, // in no order of Go's
		"CN=a,DC=ex,DC=de": {{a(dc, asn1.TagIA5String, "de")}, {a(dc, asn1.TagIA5String, "ex")}, utf8(cn, "a")},
		"CN=alice,OU=ops+UID=7,O=Acme\\, Inc.": {
			utf8(o, "Acme, Inc."), {a(ou, asn1.TagPrintableString, "ops"), a(uid, asn1.TagPrintableString, "7")}, utf8(cn, "alice"),
		},
		"1.2.840.113549.1.9.1=#16046140622c,CN=#120137": {{a(cn, asn1.TagNumericString, "7")}, {a(mail, asn1.TagIA5String, "a@b,")}},
		`CN=\ a\=\+\<\>\#\;\\\" \00é` + "\n" + `\ \ `:   {utf8(cn, " a=+<>#;\\\" \x00é\n  ")},
	} {
		der, err := asn1.Marshal(name)
		if err != nil {
			t.Fatal(err)
		}
		id, ok := OfCertificate([][]*x509.Certificate{{{RawSubject: der}}})
		if !ok || id.Scheme != "x509" || id.ID != want {
			t.Errorf("%x is %v, want x509:%s", der, id, want)
		}
	}
	if id, ok := OfCertificate(nil); ok {
		t.Errorf("for nobody somebody vouches: %v", id)
	}
}
