package main

import (
	"github.com/spf13/cobra"

	"github.com/quorate/quorate/cmd/quorate/internal/simulate"
)

// simCommand returns the verb that runs ensembles in simulated time.
func simCommand() *cobra.Command {
	r := simulate.Runs{}
	cmd := &cobra.Command{
		Use:   "sim",
		Short: "Run ensembles in simulated time, with faults at random",
		Long: `Run ensembles in simulated time, with faults at random, and see whether they keep their rules.

Election, replication, log and tree are those of the server; disks, network and clock are simulated. While
clients read and write, servers crash, stop and lose their disks, disks are full, slow or broken, links are
cut or slow. Then all that ends, and the ensemble has to find itself. The whole time all servers are held to
the rules: one leader an epoch, one history, nothing lost that was acknowledged, linearizable reads, and more.

Each seed is a run of its own, the same each time but for about one in a hundred: the sum in its line is that of
all that has happened. Of a run that breaks a rule the rule is told, and how to see the run again. The exit
code is 0 if none does, and otherwise 1. Ctrl-C ends it, also in the middle of a run.`,
		Example: "  quorate sim --seeds 1000\n  quorate sim --first 7 --seeds 1 --trace",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return r.Run(cmd.Context(), cmd.OutOrStdout()) },
	}
	f := cmd.Flags()
	f.IntVar(&r.Seeds, "seeds", 20, "runs, one after the other")
	f.Uint64Var(&r.First, "first", 1, "`seed` of the first run; the others follow")
	f.IntVar(&r.Seconds, "seconds", 60, "how long there are faults in each run, in simulated time")
	f.IntVar(&r.Voters, "servers", simulate.AsDrawn, "servers that vote; -1: as the seed says")
	f.IntVar(&r.Observers, "observers", simulate.AsDrawn, "servers that do not vote; -1: as the seed says")
	f.BoolVar(&r.Trace, "trace", false, "print all that happens")
	f.BoolVar(&r.Messages, "messages", false, "messages too are what happens; the sum is another one then")
	interruptible(cmd)
	return cmd
}
