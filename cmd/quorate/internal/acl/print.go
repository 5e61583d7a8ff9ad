package acl

import (
	"fmt"

	"github.com/quorate/quorate/cmd/quorate/internal/render"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// Print prints a node's list, an entry a line.
func Print(p render.Printer, path string, reply *apiv1.GetAclResponse) error {
	if p.Format == render.JSON {
		entries := []map[string]string{}
		for _, ace := range reply.GetAcl() {
			entries = append(entries, map[string]string{"scheme": ace.GetScheme(), "id": ace.GetId(), "perms": Perms(ace)})
		}
		return p.Object(map[string]any{"path": path, "zxid": render.Zxid(reply.GetZxid()), "acl": entries, "stat": render.NewStat(reply.GetStat())})
	}
	for _, ace := range reply.GetAcl() {
		if _, err := fmt.Fprintln(p.Out, Format(ace)); err != nil {
			return err
		}
	}
	return nil
}
