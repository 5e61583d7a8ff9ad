package cli

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/pflag"

	"github.com/quorate/quorate/client"
)

// encryption is how connections are protected, by the flags.
type encryption struct {
	on            bool
	ca, cert, key string
}

func fromEnvironment(console *Console) encryption {
	return encryption{ca: console.Getenv("QUORATE_TLS_CA"), cert: console.Getenv("QUORATE_TLS_CERT"), key: console.Getenv("QUORATE_TLS_KEY")}
}

func (e *encryption) bind(set *pflag.FlagSet) {
	set.BoolVar(&e.on, "tls", e.on, "connect by TLS, and trust whom this system trusts")
	set.StringVar(&e.ca, "tls-ca", e.ca, "connect by TLS, and trust the authorities in this PEM `file`; environment QUORATE_TLS_CA")
	set.StringVar(&e.cert, "tls-cert", e.cert, "certificate to present, a PEM `file`; environment QUORATE_TLS_CERT")
	set.StringVar(&e.key, "tls-key", e.key, "its private key, a PEM `file`; environment QUORATE_TLS_KEY")
}

// options returns how to dial; its errors are of usage.
func (e *encryption) options() ([]client.Option, error) {
	if (e.cert == "") != (e.key == "") {
		return nil, errors.New("--tls-cert and --tls-key are given together")
	}
	if !e.on && e.ca == "" && e.cert == "" {
		return nil, nil
	}
	settings := &tls.Config{MinVersion: tls.VersionTLS12}
	if e.ca != "" {
		trusted, err := authorities(e.ca)
		if err != nil {
			return nil, err
		}
		settings.RootCAs = trusted
	}
	if e.cert != "" {
		own, err := tls.LoadX509KeyPair(e.cert, e.key)
		if err != nil {
			return nil, fmt.Errorf("--tls-cert, --tls-key: %w", err)
		}
		settings.Certificates = []tls.Certificate{own}
	}
	return []client.Option{client.WithTLS(settings)}, nil
}

// authorities reads whom to trust.
func authorities(file string) (*x509.CertPool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--tls-ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("--tls-ca: %s has no certificate in PEM", file)
	}
	return pool, nil
}
