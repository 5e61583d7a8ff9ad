package client

import (
	"testing"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

func TestDecide(t *testing.T) {
	t.Parallel()
	last := &apiv1.LastWrite{Cxid: 10, Zxid: 7}
	unavailable, lostIt := refusal(reasonUnavailable, ""), refusal(reasonUnknownOutcome, "")
	for name, c := range map[string]struct {
		call *call
		cxid int64
		want fate
	}{
		"never sent":                         {&call{write: true}, 0, again},
		"never sent, nobody waits":           {&call{write: true, dropped: true}, 0, forget},
		"read":                               {&call{sent: true}, 9, again},
		"read, nobody waits":                 {&call{sent: true, dropped: true}, 11, forget},
		"read of the last write's number":    {&call{sent: true}, 10, again},
		"write after the last":               {&call{write: true, sent: true}, 11, again},
		"write after the last, nobody waits": {&call{write: true, sent: true, dropped: true}, 11, forget},
		"the last write":                     {&call{write: true, sent: true}, 10, happened},
		"write before the last":              {&call{write: true, sent: true}, 9, unknown},
		"refused before the last":            {&call{write: true, sent: true, refused: unavailable}, 9, failed},
		"lost before the last":               {&call{write: true, sent: true, refused: lostIt}, 9, unknown},
		"after the last, without a record":   {&call{write: true, sent: true, untold: true}, 11, unknown},
		"the last's number, without":         {&call{write: true, sent: true, untold: true}, 10, unknown},
		"refused, without a record":          {&call{write: true, sent: true, untold: true, refused: unavailable}, 11, failed},
		"without, and nobody waits":          {&call{write: true, sent: true, untold: true, dropped: true}, 11, forget},
		"not sent, without a record":         {&call{write: true, untold: true}, 0, again},
		"read, without a record":             {&call{sent: true, untold: true}, 11, again},
		"lost, and had no effect":            {&call{write: true, sent: true, refused: lostIt}, 11, again},
	} {
		c.call.request = &apiv1.SessionCall{Cxid: c.cxid}
		if got := decide(c.call, last); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}
