package doctor

import "github.com/quorate/quorate/cmd/quorate/internal/render"

// Print prints a report, a finding a line.
func Print(p render.Printer, r Report) error {
	findings := []map[string]any{}
	for _, f := range r.Findings {
		findings = append(findings, map[string]any{"grave": f.Grave, "text": f.Text})
	}
	if p.Format == render.JSON {
		return p.Object(map[string]any{"healthy": r.Healthy(), "leader": r.Leader, "findings": findings})
	}
	for _, f := range r.Findings {
		mark := " "
		if f.Grave {
			mark = "!"
		}
		if err := p.Line(nil, "%s %s", mark, f.Text); err != nil {
			return err
		}
	}
	return nil
}
