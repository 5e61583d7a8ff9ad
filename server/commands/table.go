package commands

import (
	"net/http"

	"github.com/quorate/quorate/server/facts"
)

// command is one of them.
type command struct {
	name    string
	aliases []string
	// always: it is answered also by a server that has no leader and serves nobody.
	always bool
	// trusted: it wants somebody with all permissions on "/".
	trusted bool
	// method is the request's: GET if empty.
	method string
	run    func(*call) error
}

// table has all commands.
var table = []command{
	{name: "configuration", aliases: []string{"conf", "config"}, run: configuration},
	{name: "connection_stat_reset", aliases: []string{"crst"}, run: resetConnections},
	{name: "connections", aliases: []string{"cons"}, run: connections},
	{name: "dirs", run: dirs},
	{name: "dump", run: dump},
	{name: "environment", aliases: []string{"env", "envi"}, always: true, run: environment},
	{name: "get_trace_mask", aliases: []string{"gtmk"}, always: true, run: traceMask},
	{name: "hash", run: hash},
	{name: "initial_configuration", aliases: []string{"icfg"}, run: initial},
	{name: "is_read_only", aliases: []string{"isro"}, run: readOnly},
	{name: "last_snapshot", aliases: []string{"lsnp"}, run: lastSnapshot},
	{name: "leader", aliases: []string{"lead"}, run: leader},
	{name: "monitor", aliases: []string{"mntr"}, always: true, run: monitor},
	{name: "observer_connection_stat_reset", aliases: []string{"orst"}, run: nothing},
	{name: "observers", aliases: []string{"obsr"}, run: observers},
	{name: "restore", aliases: []string{"rest"}, trusted: true, method: http.MethodPost, run: restore},
	{name: "ruok", run: nothing},
	{name: "server_stats", aliases: []string{"srvr"}, run: serverStats},
	{name: "set_trace_mask", aliases: []string{"stmk"}, always: true, run: setTraceMask},
	{name: "shed_connections", aliases: []string{"shed"}, trusted: true, method: http.MethodPost, run: shed},
	{name: "snapshot", aliases: []string{"snap"}, trusted: true, run: snapshot},
	{name: "stat_reset", aliases: []string{"srst"}, run: resetServer},
	{name: "stats", aliases: []string{"stat"}, run: stats},
	{name: "system_properties", aliases: []string{"sysp"}, always: true, run: properties},
	{name: "voting_view", run: votingView},
	{name: "watch_summary", aliases: []string{"wchs"}, run: watchSummary},
	{name: "watches", aliases: []string{"wchc"}, run: watches},
	{name: "watches_by_path", aliases: []string{"wchp"}, run: watchesByPath},
	{name: "zabstate", always: true, run: zabState},
}

// find returns a command by its name or an alias.
func find(name string) (command, bool) {
	for _, c := range table {
		if c.name == name {
			return c, true
		}
		for _, a := range c.aliases {
			if a == name {
				return c, true
			}
		}
	}
	return command{}, false
}

// call is one request for a command, and its answer.
type call struct {
	cfg     *Config
	facts   *facts.Source
	request *http.Request
	writer  http.ResponseWriter
	answer  object
	// streamed: the answer has been written and is no JSON.
	streamed bool
}

// tell adds a field to the answer.
func (c *call) tell(name string, value any) { c.answer = append(c.answer, field{name, value}) }
