package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
	"github.com/quorate/quorate/server/config"
	"github.com/quorate/quorate/store/vfs"
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
	a.cert, a.key = a.sign("ca", pkix.Name{CommonName: "authority"})
	return a
}

// sign writes NAME.pem and NAME.key for a subject; the first time for itself.
func (a *authority) sign(name string, subject pkix.Name) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	a.must(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: subject, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, BasicConstraintsValid: true, IsCA: a.cert == nil,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	a.must(err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	a.must(err)
	a.must(os.WriteFile(a.file(name+".pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	a.must(os.WriteFile(a.file(name+".key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
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

// keeper calls a server by TLS, with a certificate if one is named.
func (a *authority) keeper(n *Node, name string) apiv1.KeeperClient {
	a.t.Helper()
	trusted := x509.NewCertPool()
	trusted.AddCert(a.cert)
	settings := &tls.Config{RootCAs: trusted}
	if name != "" {
		own, err := tls.LoadX509KeyPair(a.file(name+".pem"), a.file(name+".key"))
		a.must(err)
		settings.Certificates = []tls.Certificate{own}
	}
	conn, err := grpc.NewClient(n.Addr(), grpc.WithTransportCredentials(credentials.NewTLS(settings)))
	a.must(err)
	a.t.Cleanup(func() { conn.Close() })
	return apiv1.NewKeeperClient(conn)
}

// A client is whom its certificate names, if somebody whom the server trusts vouches for it; without one it is nobody.
func TestCertificatesAreIdentities(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	ours.sign("server", pkix.Name{CommonName: "server"})
	ours.sign("ann", pkix.Name{CommonName: "ann", Organization: []string{"example, inc"}})
	theirs.sign("ann", pkix.Name{CommonName: "ann", Organization: []string{"example, inc"}})
	n, err := New(t.Context(), settingsFor(func(c *config.Config) {
		c.TLSCertFile, c.TLSKeyFile, c.TLSClientCAFile = ours.file("server.pem"), ours.file("server.key"), ours.file("ca.pem")
	}), Options{FS: vfs.NewMem()})
	ours.must(err)
	begin(t, n)
	ann, nobody := ours.keeper(n, "ann"), ours.keeper(n, "")

	var who *apiv1.WhoAmIResponse
	eventually(t, "the server serves", func() bool {
		who, err = ann.WhoAmI(t.Context(), &apiv1.WhoAmIRequest{})
		_, ready := ann.Sync(t.Context(), &apiv1.SyncRequest{})
		return err == nil && ready == nil
	})
	if id := who.GetIdentities(); len(id) != 2 || id[1].GetScheme() != "x509" || id[1].GetId() != `CN=ann,O=example\, inc` {
		t.Fatalf("ann is %v", id)
	}
	_, err = ann.Create(t.Context(), &apiv1.CreateRequest{Path: "/hers", Data: []byte("x"), Acl: []*apiv1.Ace{{Perms: 31, Scheme: "auth"}}})
	ours.must(err)
	acl, err := ann.GetAcl(t.Context(), &apiv1.GetAclRequest{Path: "/hers"})
	if err != nil || acl.GetAcl()[0].GetId() != `CN=ann,O=example\, inc` || acl.GetAcl()[0].GetScheme() != "x509" {
		t.Errorf("%v, %v", acl, err)
	}
	_, err = nobody.Get(t.Context(), &apiv1.GetRequest{Path: "/hers"})
	wantReason(t, err, "NO_AUTH")

	// A certificate of somebody unknown is refused, not passed over.
	stranger := theirs.keeper(n, "ann")
	if _, err := stranger.Get(t.Context(), &apiv1.GetRequest{Path: "/hers"}); err == nil {
		t.Error("a certificate that nobody vouches for lets in")
	}
	if _, err := dialAddr(t, n.Addr()).Get(t.Context(), &apiv1.GetRequest{Path: "/"}); err == nil {
		t.Error("a client without TLS is served")
	}
}

func TestTLSFilesThatAreNone(t *testing.T) {
	a := newAuthority(t)
	a.sign("server", pkix.Name{CommonName: "server"})
	for what, c := range map[string]struct {
		cert, key, ca, want string
	}{
		"no key":           {a.file("server.pem"), "", "", "are given together"},
		"no such file":     {a.file("none.pem"), a.file("server.key"), "", "none.pem"},
		"another's key":    {a.file("server.pem"), a.file("ca.key"), "", "--tls-key-file"},
		"no certificate":   {a.file("server.pem"), a.file("server.key"), a.file("server.key"), "has no certificate in PEM"},
		"nobody's clients": {"", "", a.file("ca.pem"), "is for a server with TLS"},
	} {
		n, err := New(t.Context(), settingsFor(func(cfg *config.Config) {
			cfg.TLSCertFile, cfg.TLSKeyFile, cfg.TLSClientCAFile = c.cert, c.key, c.ca
		}), Options{FS: vfs.NewMem()})
		if err == nil {
			n.Close()
			t.Errorf("%s: it was taken", what)
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", what, err, c.want)
		}
	}
}
