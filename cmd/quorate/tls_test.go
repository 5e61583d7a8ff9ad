package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/quorate/quorate/cmd/quorate/internal/outcome"
	"github.com/quorate/quorate/server/config"
)

// authority signs certificates.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir()}
	a.cert, a.key = a.sign("ca")
	return a
}

// sign writes NAME.pem and NAME.key for somebody of that name on this machine; the first time for itself.
func (a *authority) sign(name string) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	a.must(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, BasicConstraintsValid: true, IsCA: a.cert == nil,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	a.must(err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	a.must(err)
	write(a.t, a.file(name+".pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write(a.t, a.file(name+".key"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	cert, err := x509.ParseCertificate(der)
	a.must(err)
	return cert, key
}

func (a *authority) file(name string) string { return filepath.Join(a.dir, name) }

func (a *authority) must(err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
}

// TestTLS: with the flags for it the verbs talk to a server that protects its port, as whom the certificate names.
func TestTLS(t *testing.T) {
	t.Parallel()
	ours, theirs := newAuthority(t), newAuthority(t)
	ours.sign("server")
	ours.sign("ann")
	sh := shell{t: t, server: startServerWith(t, func(c *config.Config) {
		c.TLSCertFile, c.TLSKeyFile, c.TLSClientCAFile = ours.file("server.pem"), ours.file("server.key"), ours.file("ca.pem")
	})}
	ca := []string{"--tls-ca", ours.file("ca.pem")}
	ann := append(ca, "--tls-cert", ours.file("ann.pem"), "--tls-key", ours.file("ann.key"))
	tryUntilServed(t, sh, append([]string{"sync"}, ca...))

	sh.ok(append([]string{"create", "/hers", "x", "--acl", "x509:CN=ann:rwcda"}, ann...)...)
	equal(t, sh.ok(append([]string{"get", "/hers"}, ann...)...), "x")
	sh.fails(outcome.Denied, append([]string{"get", "/hers"}, ca...)...)
	contains(t, sh.ok(append([]string{"status"}, ca...)...), "leader")

	for says, wrong := range map[string][]string{
		"perhaps it wants TLS":                    {},
		"certificate signed by unknown authority": {"--tls"},
		"x509: certificate signed by unknown":     {"--tls-ca", theirs.file("ca.pem")},
	} {
		contains(t, sh.fails(outcome.Unavailable, append([]string{"get", "/", "--timeout", "5s"}, wrong...)...), says)
	}
	plain, _ := newShell(t)
	contains(t, plain.fails(outcome.Unavailable, "get", "/", "--tls", "--timeout", "5s"), "does not speak TLS")
	contains(t, sh.fails(outcome.Usage, "get", "/", "--tls-cert", ours.file("ann.pem")), "given together")
	contains(t, sh.fails(outcome.Usage, "get", "/", "--tls-ca", ours.file("ca.key")), "has no certificate in PEM")
	contains(t, sh.fails(outcome.Usage, "get", "/", "--tls-ca", ours.file("none")), "--tls-ca: open", "none")
	contains(t, sh.fails(outcome.Usage, "get", "/", "--tls-cert", ours.file("ann.pem"), "--tls-key", ours.file("ca.key")), "--tls-key")
}

// tryUntilServed runs a command until a server, which listens before it leads, does what it says.
func tryUntilServed(t *testing.T, sh shell, args []string) {
	t.Helper()
	var last result
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		if last = sh.run(args...); last.code == outcome.OK {
			return
		}
	}
	t.Fatalf("%v: exit code %d\n%s", args, last.code, last.err)
}
