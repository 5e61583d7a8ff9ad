package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/cmd/quorate/internal/acl"
	"github.com/quorate/quorate/cmd/quorate/internal/cli"
	"github.com/quorate/quorate/cmd/quorate/internal/outcome"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

func aclCommand(console *cli.Console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "acl",
		Short: "Print or replace who may do what with a node",
		Long: `Print or replace a node's access control list.

An entry is scheme:id:perms, such as world:anyone:r or digest:ann:HASH:rwcda. The perms are r READ,
w WRITE, c CREATE and d DELETE (of children), a ADMIN (change the list).`,
		Args: unknownVerb,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(aclGetCommand(console), aclSetCommand(console))
	return cmd
}

func aclGetCommand(console *cli.Console) *cobra.Command {
	cmd := &cobra.Command{Use: "get PATH", Short: "Print a node's access control list", Args: cobra.ExactArgs(1)}
	flags := cli.Bind(console, cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return flags.Run(func(s *cli.Session) error {
			reply, err := cli.Call(cmd.Context(), s, s.Keeper.GetAcl, &apiv1.GetAclRequest{Path: args[0]})
			if err != nil {
				return err
			}
			return acl.Print(s.Print, args[0], reply)
		})
	}
	takesPath(console, cmd, flags, 0)
	return cmd
}

func aclSetCommand(console *cli.Console) *cobra.Command {
	var version int32
	cmd := &cobra.Command{
		Use:     "set PATH ENTRY[,ENTRY…]...",
		Short:   "Replace a node's access control list",
		Example: "  quorate acl set /app world:anyone:r digest:ann:HASH:rwcda",
		Args:    cobra.MinimumNArgs(2),
	}
	flags := cli.Bind(console, cmd.Flags())
	cmd.Flags().Int32Var(&version, "version", 0, "change it only if this is the list's version (aversion)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		list, err := acl.Parse(strings.Join(args[1:], ","))
		if err != nil {
			return outcome.With(outcome.Usage, err)
		}
		r := &apiv1.SetAclRequest{Path: args[0], Acl: list, Version: given(cmd, "version", version)}
		return flags.Run(func(s *cli.Session) error {
			reply, err := cli.Call(cmd.Context(), s, s.Keeper.SetAcl, r)
			if err != nil {
				return err
			}
			return s.Print.Changed(args[0], reply.GetZxid(), reply.GetStat())
		})
	}
	takesPath(console, cmd, flags, 0)
	return cmd
}
