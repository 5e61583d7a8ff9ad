package progress

import (
	"context"
	"fmt"
	"strconv"

	"github.com/quorate/quorate/cmd/quorate/internal/cli"
	"github.com/quorate/quorate/cmd/quorate/internal/outcome"
	"github.com/quorate/quorate/cmd/quorate/internal/render"
	"github.com/quorate/quorate/cmd/quorate/internal/retry"
	"github.com/quorate/quorate/cmd/quorate/internal/transfer"
)

// Transfer runs an import or export with its progress on the console's Err, prints the
// summary and returns how it ended.
func Transfer(ctx context.Context, s *cli.Session, title string, e *transfer.Endpoint, run func(context.Context) (transfer.Report, error)) error {
	d := New(s.Err, cli.OnTerminal(s.Err), title)
	e.Events = d.Events()
	var report transfer.Report
	err := d.While(func() (err error) {
		report, err = run(ctx)
		return err
	})
	if printErr := summary(s.Print, report); printErr != nil && err == nil {
		return printErr
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return outcome.With(outcome.Failed, fmt.Errorf("%s was interrupted; run the same command again to go on", title))
	case err != nil && retry.Temporary(err):
		// The usual advice would be to look what was done: here the next run does that.
		return outcome.With(outcome.Of(err), fmt.Errorf("%s\n  what was done stays; run the same command again to go on", outcome.Text(err)))
	case err == nil && len(report.Skipped) > 0:
		return outcome.With(outcome.Partial, fmt.Errorf("%d passed over, named above; all the rest is done", len(report.Skipped)))
	}
	return err
}

func summary(p render.Printer, r transfer.Report) error {
	seconds := r.Elapsed.Seconds()
	object := struct {
		transfer.Report
		Seconds float64 `json:"seconds"`
	}{r, seconds}
	count := func(n int64) string { return strconv.FormatInt(n, 10) }
	return p.Fields(
		object, "created", count(r.Created), "updated", count(r.Updated), "unchanged", count(r.Unchanged),
		"deleted", count(r.Deleted), "skipped", strconv.Itoa(len(r.Skipped)), "bytes", render.Bytes(r.Bytes),
		"seconds", strconv.FormatFloat(seconds, 'f', 2, 64),
	)
}
