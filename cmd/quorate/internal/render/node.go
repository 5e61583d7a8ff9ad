package render

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/quorate/quorate/client"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// Stat is a node's Stat in JSON.
type Stat struct {
	Czxid       string `json:"czxid"`
	Mzxid       string `json:"mzxid"`
	Pzxid       string `json:"pzxid"`
	Ctime       string `json:"ctime"`
	Mtime       string `json:"mtime"`
	Version     int32  `json:"version"`
	Cversion    int32  `json:"cversion"`
	Aversion    int32  `json:"aversion"`
	Owner       string `json:"owner,omitempty"`
	DataLength  int32  `json:"data_length"`
	NumChildren int32  `json:"num_children"`
	Kind        string `json:"kind"`
	TTL         string `json:"ttl,omitempty"`
}

// NewStat returns a Stat for JSON; nil for nil.
func NewStat(s *apiv1.Stat) *Stat {
	if s == nil {
		return nil
	}
	j := &Stat{
		Czxid: Zxid(s.GetCzxid()), Mzxid: Zxid(s.GetMzxid()), Pzxid: Zxid(s.GetPzxid()),
		Ctime: Millis(s.GetCtimeMs()), Mtime: Millis(s.GetMtimeMs()),
		Version: s.GetVersion(), Cversion: s.GetCversion(), Aversion: s.GetAversion(),
		DataLength: s.GetDataLength(), NumChildren: s.GetNumChildren(), Kind: Kind(s.GetKind()),
	}
	if s.GetOwner() != 0 {
		j.Owner = fmt.Sprintf("0x%x", s.GetOwner())
	}
	if s.GetTtlMs() != 0 {
		j.TTL = (time.Duration(s.GetTtlMs()) * time.Millisecond).String()
	}
	return j
}

// fields returns the Stat's keys and values in turn.
func (s *Stat) fields() []string {
	kv := []string{
		"czxid", s.Czxid, "mzxid", s.Mzxid, "pzxid", s.Pzxid, "ctime", s.Ctime, "mtime", s.Mtime,
		"version", strconv.Itoa(int(s.Version)), "cversion", strconv.Itoa(int(s.Cversion)),
		"aversion", strconv.Itoa(int(s.Aversion)), "data_length", strconv.Itoa(int(s.DataLength)),
		"num_children", strconv.Itoa(int(s.NumChildren)), "kind", s.Kind,
	}
	if s.Owner != "" {
		kv = append(kv, "owner", s.Owner)
	}
	if s.TTL != "" {
		kv = append(kv, "ttl", s.TTL)
	}
	return kv
}

// object returns a JSON object of what is known of a node.
func object(path string, zxid uint64, stat *apiv1.Stat) map[string]any {
	o := map[string]any{"path": path}
	if zxid != 0 {
		o["zxid"] = Zxid(zxid)
	}
	if stat != nil {
		o["stat"] = NewStat(stat)
	}
	return o
}

// Stat prints a node's Stat.
func (p Printer) Stat(path string, zxid uint64, stat *apiv1.Stat) error {
	return p.Fields(object(path, zxid, stat), NewStat(stat).fields()...)
}

// Changed prints that a node was changed: its path, as text.
func (p Printer) Changed(path string, zxid uint64, stat *apiv1.Stat) error {
	return p.Line(object(path, zxid, stat), "%s", path)
}

// Content prints a node's content byte for byte, followed by a line break on a terminal or before a
// Stat; as JSON an object with both.
func (p Printer) Content(path string, reply *apiv1.GetResponse, stat, terminal bool) error {
	if p.Format == JSON {
		o := object(path, reply.GetZxid(), reply.GetStat())
		putData(o, reply.Data)
		return p.Object(o)
	}
	data := reply.GetData()
	if (terminal || stat) && len(data) > 0 && data[len(data)-1] != '\n' {
		data = append(data, '\n')
	}
	if _, err := p.Out.Write(data); err != nil || !stat {
		return err
	}
	return p.Stat(path, reply.GetZxid(), reply.GetStat())
}

// putData adds content to an object, under the name its form has; nil is null.
func putData(object map[string]any, data []byte) {
	switch {
	case data == nil:
		object["data"] = nil
	case utf8.Valid(data):
		object["data"] = string(data)
	default:
		object["data_base64"] = base64.StdEncoding.EncodeToString(data)
	}
}

// Exists prints whether a node exists; stat is nil if it does not.
func (p Printer) Exists(path string, zxid uint64, stat *apiv1.Stat) error {
	o := object(path, zxid, stat)
	o["exists"] = stat != nil
	word := "exists"
	if stat == nil {
		word = "does not exist"
	}
	return p.Line(o, "%s %s", path, word)
}

// Entry prints one line of a list: the name and, if it has a Stat, columns before it.
func (p Printer) Entry(name string, stat *apiv1.Stat) error {
	if p.Format == JSON {
		return p.Object(object(name, 0, stat))
	}
	if stat == nil {
		return p.Line(nil, "%s", name)
	}
	return p.Line(nil, "%-10s %8d %8d %10d  %s  %s", Kind(stat.GetKind()), stat.GetVersion(), stat.GetNumChildren(),
		stat.GetDataLength(), Millis(stat.GetMtimeMs()), name)
}

// EntryHeader prints the names of the columns of Entry; nothing in JSON.
func (p Printer) EntryHeader() error {
	if p.Format == JSON {
		return nil
	}
	return p.Line(nil, "%-10s %8s %8s %10s  %-24s  %s", "KIND", "VERSION", "CHILDREN", "BYTES", "MODIFIED", "NAME")
}

// Multi prints the outcome of each operation of a Multi.
func (p Printer) Multi(reply *apiv1.MultiResponse) error {
	results := []map[string]any{}
	for _, r := range reply.GetResults() {
		results = append(results, object(r.GetPath(), 0, r.GetStat()))
	}
	if p.Format == JSON {
		return p.Object(map[string]any{"zxid": Zxid(reply.GetZxid()), "results": results})
	}
	for _, r := range reply.GetResults() {
		if err := p.Line(nil, "%s", r.GetPath()); err != nil {
			return err
		}
	}
	return nil
}

// Sync prints how far the server that was asked is.
func (p Printer) Sync(zxid uint64) error {
	return p.Line(map[string]any{"zxid": Zxid(zxid)}, "%s", client.Zxid(zxid))
}
