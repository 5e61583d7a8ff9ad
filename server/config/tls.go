package config

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// ClientTLS reads what clients are served with; nil if they are served without TLS. With TLSClientCAFile a client that shows a
// certificate has to show one that it vouches for; one without a certificate is served too, and is nobody in the scheme x509. The errors are
// sentences that name the file.
func (c *Config) ClientTLS() (*tls.Config, error) {
	if c.TLSCertFile == "" {
		return nil, nil
	}
	own, err := tls.LoadX509KeyPair(c.TLSCertFile, c.TLSKeyFile)
	if err != nil {
		return nil, fmt.Errorf("--tls-cert-file and --tls-key-file: %w", err)
	}
	settings := &tls.Config{Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12}
	if c.TLSClientCAFile == "" {
		return settings, nil
	}
	pem, err := os.ReadFile(c.TLSClientCAFile)
	if err != nil {
		return nil, fmt.Errorf("--tls-client-ca-file: %w", err)
	}
	settings.ClientCAs, settings.ClientAuth = x509.NewCertPool(), tls.VerifyClientCertIfGiven
	if !settings.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("--tls-client-ca-file: %s has no certificate in PEM", c.TLSClientCAFile)
	}
	return settings, nil
}

func (p *problems) tls(c *Config) {
	p.add((c.TLSCertFile == "") == (c.TLSKeyFile == ""), "--tls-cert-file and --tls-key-file are given together, or not at all")
	p.add(c.TLSClientCAFile == "" || c.TLSCertFile != "", "--tls-client-ca-file is for a server with TLS: give --tls-cert-file and --tls-key-file too")
}
