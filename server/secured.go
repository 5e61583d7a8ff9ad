package server

import (
	"context"
	"errors"
	"net"

	"google.golang.org/grpc/credentials"
)

// secured are gRPC's credentials for connections that have come through TLS already, at the [door].
type secured struct{}

var errPlain = errors.New("this server wants TLS")

// ServerHandshake refuses who comes without TLS.
func (secured) ServerHandshake(c net.Conn) (net.Conn, credentials.AuthInfo, error) {
	state, ok := stateOf(c)
	if !ok {
		return nil, nil, errPlain
	}
	return c, credentials.TLSInfo{State: state, CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity}}, nil
}

// ClientHandshake is for clients, of which this server is none.
func (secured) ClientHandshake(context.Context, string, net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errors.ErrUnsupported
}

// Info describes TLS.
func (secured) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "tls"}
}

// Clone returns a copy.
func (s secured) Clone() credentials.TransportCredentials { return s }

// OverrideServerName is for clients.
func (secured) OverrideServerName(string) error { return errors.ErrUnsupported }
