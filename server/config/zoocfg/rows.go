package zoocfg

// serverRows are about the server and its ports.
func serverRows() []Row {
	return []Row{
		noted("with ZooKeeper's data in it, Quorate's own is in the folder quorate below it; myid is read from it", decides("dataDir", "data-dir id", nil)),
		told(nothing("dataLogDir", "log and snapshots are in one directory")),
		decides("clientPort", "client-addr", nil),
		decides("clientPortAddress", "client-addr", nil),
		nothing("clientPortListenBacklog", "the operating system's is used", "-1"),
		decides("maxClientCnxns", "max-connections-per-address", (*reader).maxClientCnxns),
		system(noted("0 becomes 1,000,000", decides("maxCnxns", "max-connections", (*reader).maxCnxns))),
		system(nothing("datadir.autocreate", "a data directory is created if it is missing", "true")),
		system(nothing("tcpKeepAlive", "connections are always kept alive")),
		system(nothing("clientTcpKeepAlive", "connections are always kept alive")),
	}
}

// ensembleRows are about the other servers, and time.
func ensembleRows() []Row {
	return []Row{
		decides("tickTime", "tick min-session-timeout max-session-timeout", nil),
		noted("ticks; at least 2", decides("initLimit", "init-limit", nil)),
		noted("ticks; at least 2", decides("syncLimit", "sync-limit", nil)),
		nothing("connectToLearnerMasterLimit", "initLimit holds for connecting, too", "0"),
		noted("host:port:port with role and client part; of several addresses the first; the election port is no longer needed", decides("server.*", "peers client-addr", nil)),
		decides("group.*", "groups", nil),
		decides("weight.*", "weights", nil),
		noted("must be what the server's line says", decides("peerType", "peers", nil)),
		noted("its servers, groups and weights", decides("dynamicConfigFile", "peers groups weights client-addr", nil)),
		nothing("version", "it numbers the versions of a dynamic configuration"),
		noted("true: one server in the list is a server on its own", decides("standaloneEnabled", "peers", nil)),
		warned(nothing("reconfigEnabled", "membership cannot be changed by clients: they are answered ReconfigDisabled", "false")),
		decides("quorumListenOnAllIPs", "peer-addr", nil),
		nothing("electionAlg", "there is one election"),
		nothing("syncEnabled", "observers always log and write snapshots", "true"),
		nothing("observerMasterPort", "observers follow the leader", "0"),
		warned(nothing("oraclePath", "two servers need both, and no oracle decides between them")),
		nothing("multiAddress.*", "a server is reached at one address", "false"),
		system(decides("leader.maxConcurrentSnapSyncs", "max-snapshot-syncs", (*reader).maxSnapshotSyncs)),
		system(decides("leader.maxConcurrentDiffSyncs", "max-diff-syncs", (*reader).maxDiffSyncs)),
		system(nothing("leader.maxTimeToWaitForEpoch", "initLimit bounds it", "-1")),
		system(nothing("leader.*", "the transport between servers is another")),
		system(nothing("leaderConnectDelayDuringRetryMs", "the transport between servers is another")),
		system(nothing("learner.*", "the transport between servers is another")),
		system(nothing("follower.*", "the transport between servers is another")),
		system(nothing("forward_learner_requests_to_commit_processor_disabled", "the transport between servers is another")),
		system(nothing("fastleader.*", "the election has timeouts of its own")),
		system(nothing("cnxTimeout", "the election has timeouts of its own")),
		system(nothing("quorumCnxnTimeoutMs", "the election has timeouts of its own")),
		system(nothing("electionPortBindRetry", "there is no election port")),
		system(nothing("observer.*", "an observer comes back by itself")),
		system(nothing("observerMaster.*", "observers follow the leader")),
		system(nothing("messageTracker.*", "the traffic between servers is in the metrics")),
		system(warned(nothing("leaderServes", "the leader serves clients, too", "yes"))),
	}
}

// clientRows are about clients and their sessions.
func clientRows() []Row {
	return []Row{
		noted("-1: 2 ticks", decides("minSessionTimeout", "min-session-timeout", nil)),
		noted("-1: 20 ticks", decides("maxSessionTimeout", "max-session-timeout", nil)),
		decides("localSessionsEnabled", "local-sessions", (*reader).localSessions),
		nothing("localSessionsUpgradingEnabled", "a local session that creates an ephemeral node always becomes one of the ensemble"),
		system(noted("more than 1 MiB lets values and transactions be as large", decides("jute.maxbuffer", "max-packet max-value max-request segment-size", nil))),
		system(nothing("jute.maxbuffer.extrasize", "answers have no bound but that of what they tell")),
		system(decides("readonlymode.enabled", "read-only-mode words", nil)),
		system(decides("extendedTypesEnabled", "ttl-nodes", (*reader).ttlNodes)),
		system(nothing("emulate353TTLNodes", "nodes with a TTL have one form, that of ZooKeeper since 3.5.4", "false")),
		system(noted("srvr is always answered, isro in read-only mode", decides("4lw.commands.whitelist", "words", nil))),
		system(decides("enforceQuota", "enforce-quota", (*reader).enforceQuota)),
		system(decides("znode.container.checkIntervalMs", "container-interval", (*reader).containerInterval)),
		system(decides("znode.container.maxPerMinute", "container-rate", (*reader).containerRate)),
		system(decides("znode.container.maxNeverUsedIntervalMs", "container-unused", (*reader).containerUnused)),
		system(nothing("globalOutstandingLimit", "the requests of one session are bounded by --max-session-requests, writes of all by --max-outstanding")),
		system(nothing("closeSessionTxn.enabled", "closing a session always names what goes with it", "true")),
		system(nothing("maxResponseCacheSize", "there is no cache of answers: they are made from memory")),
		system(nothing("maxGetChildrenResponseCacheSize", "there is no cache of answers: they are made from memory")),
		system(nothing("watchManagerName", "there is one keeper of watches, whose memory follows their number")),
		system(nothing("watcherCleanThreadsNum", "watches of gone clients go at once")),
		system(nothing("watcherCleanThreshold", "watches of gone clients go at once")),
		system(nothing("watcherCleanIntervalInSeconds", "watches of gone clients go at once")),
		system(nothing("maxInProcessingDeadWatchers", "watches of gone clients go at once")),
		system(nothing("bitHashCacheSize", "there is one keeper of watches, whose memory follows their number")),
	}
}

// adminRows are about whoever looks after the server.
func adminRows() []Row {
	const off = "--admin-addr is the one address"
	return []Row{
		system(noted("off unless it is true, or an admin address or port is given", decides("admin.enableServer", "admin-addr", nil))),
		system(decides("admin.serverPort", "admin-addr", nil)),
		system(decides("admin.serverAddress", "admin-addr", nil)),
		system(decides("admin.commandURL", "admin-path", nil)),
		system(nothing("admin.idleTimeout", "an idle connection may stay")),
		system(nothing("admin.httpVersion", off)),
		system(refused("admin.portUnification", "there is no TLS for the HTTP commands yet: remove it", "false", "")),
		system(refused("admin.forceHttps", "there is no TLS for the HTTP commands yet: remove it", "false", "")),
		system(refused("admin.needClientAuth", "there is no TLS for the HTTP commands yet: remove it", "false", "")),
		system(warned(nothing("admin.snapshot.enabled", "the command snapshot is there for whom it lets in", "true"))),
		system(nothing("admin.restore.enabled", "the command restore is not there: quorate import writes a tree", "false")),
		system(nothing("admin.rateLimiterIntervalInMS", "a snapshot is written only if there is none of what is applied")),
		noted("Prometheus' only", decides("metricsProvider.className", "metrics-addr", nil)),
		decides("metricsProvider.httpHost", "metrics-addr", nil),
		noted("7000 if there is none", decides("metricsProvider.httpPort", "metrics-addr", nil)),
		nothing("metricsProvider.exportJvmInfo", "there is no JVM"),
		refused("metricsProvider.httpsPort", "there is no TLS for metrics yet: remove it", ""),
		refused("metricsProvider.ssl.*", "there is no TLS for metrics yet: remove it"),
		nothing("metricsProvider.*", "Prometheus is served in its own way"),
		warned(system(nothing("audit.enable", "there is no audit log yet", "false"))),
		system(nothing("audit.impl.class", "there is no audit log yet")),
		system(nothing("jvm.pause.*", "there is no JVM")),
		system(nothing("pathStats.*", "what is asked for is in the metrics, not by path", "false")),
		system(nothing("jmx.*", "there is no JVM; /metrics and the admin API tell the same")),
	}
}

// storageRows are about the disk.
func storageRows() []Row {
	return []Row{
		system(noted("at least 1,000", decides("snapCount", "snapshot-txns", (*reader).snapCount))),
		system(noted("at least 1 MiB; off is 1 TiB", decides("snapSizeLimitInKb", "snapshot-bytes", (*reader).snapSize))),
		system(noted("at least what a transaction needs, at most 1 GiB", decides("txnLogSizeLimitInKb", "segment-size", nil))),
		noted("at least 3", decides("autopurge.snapRetainCount", "snapshot-retain", (*reader).snapRetain)),
		told(nothing("autopurge.purgeInterval", "what is old goes as soon as a new snapshot is there")),
		system(nothing("preAllocSize", "the log makes room for a segment at a time, see txnLogSizeLimitInKb")),
		system(nothing("commitLogCount", "a server that lags is sent the log from disk")),
		system(nothing("snapshotSizeFactor", "a server that lags is sent the log from disk as long as it is there")),
		system(warned(nothing("forceSync", "nothing is acknowledged before it is on disk", "yes"))),
		system(nothing("fsync.warningthresholdms", "what the disk takes is in the metrics, and slow calls are logged by --slow-call")),
		system(nothing("flushDelay", "the log writes together what has come together")),
		system(nothing("maxWriteQueuePollTime", "the log writes together what has come together")),
		system(nothing("maxBatchSize", "the log writes together what has come together")),
		system(warned(nothing("db.autocreate", "an ensemble is founded when all voters of the list are there, and never again", "true"))),
		system(warned(nothing("snapshot.trust.empty", "a log without its snapshots is refused", "false"))),
		system(nothing("snapshot.compression.method", "snapshots are compressed")),
		system(nothing("serializeLastProcessedZxid.enabled", "a snapshot is one version of the tree")),
		system(nothing("digest.enabled", "digests are always compared", "true")),
	}
}

// detailRows are about the inside of ZooKeeper's program.
func detailRows() []Row {
	var all []Row
	for _, r := range []struct{ key, why string }{
		{"serverCnxnFactory", "there is one way to serve connections"},
		{"netty.*", "there is one way to serve connections"},
		{"nio.*", "there is one way to serve connections"},
		{"commitProcessor.*", "there are no threads to be counted"},
		{"request_throttle_max_requests", "clients are bounded by --max-session-requests and --max-rate"},
		{"request_throttle_stall_time", "clients are bounded by --max-session-requests and --max-rate"},
		{"request_throttle_drop_stale", "requests of gone clients are dropped"},
		{"request_stale_latency_check", "requests of gone clients are dropped"},
		{"request_stale_connection_check", "requests of gone clients are dropped"},
		{"request_throttler.shutdownTimeout", "clients are bounded by --max-session-requests and --max-rate"},
		{"throttled_op_wait_time", "clients are bounded by --max-session-requests and --max-rate"},
		{"largeRequestThreshold", "requests in progress are bounded by --max-outstanding-bytes"},
		{"largeRequestMaxBytes", "requests in progress are bounded by --max-outstanding-bytes"},
		{"connection_throttle_*", "connections are bounded by --max-connections and --max-connections-per-address"},
		{"connection_throttle.*", "connections are bounded by --max-connections and --max-connections-per-address"},
		{"enableEagerACLCheck", "permission is decided where the write is ordered"},
		{"test.*", "it is for ZooKeeper's own tests"},
	} {
		all = append(all, system(nothing(r.key, r.why)))
	}
	return append(all, nothing("quorum.cnxn.threads.size", "there are no threads to be counted"))
}
