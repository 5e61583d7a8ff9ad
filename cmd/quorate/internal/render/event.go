package render

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/quorate/quorate/client"
)

// eventNames are the words for what happens to a node, as they are printed and as --types takes them.
var eventNames = map[client.EventType]string{
	client.EventCreated: "created", client.EventDeleted: "deleted", client.EventDataChanged: "changed",
	client.EventChildrenChanged: "children", client.EventSnapshot: "snapshot",
}

// ParseEventTypes reads the types of events that a watch can be restricted to: created, deleted and changed,
// separated by commas. An empty text is no restriction.
func ParseEventTypes(text string) ([]client.EventType, error) {
	var types []client.EventType
	for _, word := range strings.Split(text, ",") {
		switch word = strings.TrimSpace(word); word {
		case "":
		case "created":
			types = append(types, client.EventCreated)
		case "deleted":
			types = append(types, client.EventDeleted)
		case "changed":
			types = append(types, client.EventDataChanged)
		default:
			return nil, fmt.Errorf("--types: %q is none of created, deleted and changed", word)
		}
	}
	return types, nil
}

// ParseZxid reads a zxid as it is printed, epoch.counter.
func ParseZxid(text string) (client.Zxid, error) {
	epoch, counter, _ := strings.Cut(text, ".")
	e, err1 := strconv.ParseUint(epoch, 10, 32)
	c, err2 := strconv.ParseUint(counter, 10, 32)
	if err1 != nil || err2 != nil {
		return 0, fmt.Errorf("%q is no zxid: want epoch.counter, such as 3.141", text)
	}
	return client.Zxid(e<<32 | c), nil
}

// Event prints what happened to a node on one line, with the content it got if that is wanted: as text quoted, so
// that it stays one line.
func (p Printer) Event(e client.Event, data bool) error {
	has := data && e.Type != client.EventDeleted && e.Type != client.EventChildrenChanged
	if p.Format == JSON {
		o := map[string]any{"zxid": e.Zxid.String(), "type": eventNames[e.Type], "path": e.Path}
		if has {
			putData(o, e.Data)
		}
		return p.Object(o)
	}
	content := ""
	switch {
	case has && e.Data == nil:
		content = "  null"
	case has:
		content = "  " + strconv.Quote(string(e.Data))
	}
	return p.Line(nil, "%-12s  %-8s  %s%s", e.Zxid, eventNames[e.Type], e.Path, content)
}
