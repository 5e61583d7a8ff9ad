package zoocfg

// authRows are about who a client, or a server, is. What protects something is refused where it is not there: without it the server
// would let in whom the file keeps out.
func authRows() []Row {
	const (
		sasl    = "SASL of ZooKeeper's configuration is not there: remove it, and give --sasl-users-file for DIGEST-MD5"
		servers = "servers do not show each other SASL: remove it, and give --peer-secret-file"
		krb     = "there is no Kerberos: remove it"
	)
	return []Row{
		system(decides("DigestAuthenticationProvider.superDigest", "super-digest", (*reader).superDigest)),
		system(refused("DigestAuthenticationProvider.enabled", "the scheme digest cannot be switched off: remove it", "true")),
		system(refused("DigestAuthenticationProvider.digestAlg", "digests are SHA-1, and others would let nobody in: remove it", "sha1", "sha-1")),
		system(refused("X509AuthenticationProvider.*", "who comes by TLS is the subject of its certificate (--tls-client-ca-file), as by default in ZooKeeper; nothing of it can be set: remove it")),
		system(warned(nothing("superUser", "the super user is the one of superDigest", ""))),
		system(warned(nothing("skipACL", "access control lists are always obeyed", "no"))),
		system(Row{Key: "authProvider.*", Settings: []string{"sasl-users-file"}, Why: "digest and ip are there; SASL with --sasl-users-file; others are refused", take: (*reader).authProvider}),
		refused("requireClientAuthScheme", sasl, ""),
		nothing("jaasLoginRenew", "there is no JAAS"),
		system(nothing("sasl.*", "there is no JAAS")),
		system(nothing("allowSaslFailedClients", "who fails to log in by SASL is closed", "false")),
		system(refused("sessionRequireClientSASLAuth", "a session cannot be made to log in yet: remove it", "false", "")),
		system(refused("enforce.auth.enabled", "a session cannot be made to log in yet: remove it", "false", "")),
		system(nothing("enforce.auth.schemes", "a session cannot be made to log in yet")),
		system(refused("letAnySaslUserDoX", "nobody does what is another's: remove it", "")),
		system(refused("ensembleAuthName", "the scheme ensemble is not there: remove it", "")),
		system(nothing("usexforwardedfor", "an address is that of the connection", "false")),
		system(refused("kerberos.*", krb)),
		refused("quorum.auth.enableSasl", servers, "false"),
		refused("quorum.auth.learnerRequireSasl", servers, "false"),
		refused("quorum.auth.serverRequireSasl", servers, "false"),
		nothing("quorum.auth.learner.saslLoginContext", "servers do not show each other SASL"),
		nothing("quorum.auth.server.saslLoginContext", "servers do not show each other SASL"),
		nothing("quorum.auth.kerberos.servicePrincipal", "servers do not show each other SASL"),
		refused("quorum.auth.*", servers),
	}
}

// tlsRows are about TLS in the way of Java.
func tlsRows() []Row {
	const (
		clients = "there is one client port, with TLS by --tls-cert-file and --tls-key-file (PEM) or without: remove it and all ssl keys, and give these, and clientPort"
		servers = "there is no TLS between servers yet: remove it and all ssl keys"
		stores  = "there are no key stores of Java: remove all ssl keys; TLS for clients is had by --tls-cert-file, --tls-key-file and --tls-client-ca-file, in PEM; between servers there is none yet"
	)
	return []Row{
		refused("secureClientPort", clients, ""),
		refused("secureClientPortAddress", clients, ""),
		refused("sslQuorum", servers, "false"),
		refused("portUnification", servers, "false"),
		nothing("sslQuorumReloadCertFiles", "there is no TLS between servers yet", "false"),
		system(refused("client.portUnification", clients, "false")),
		system(nothing("client.certReload", "certificates are read when the server starts", "false")),
		system(refused("ssl.*", stores)),
		system(nothing("fips-mode", "what is done is up to Go's GODEBUG=fips140", "true")),
		system(nothing("tls.*", "TLS is Go's, of 1.2 or newer")),
	}
}
