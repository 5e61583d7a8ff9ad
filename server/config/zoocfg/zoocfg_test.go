package zoocfg_test

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quorate/quorate/internal/golden"
	"github.com/quorate/quorate/server/config"
	"github.com/quorate/quorate/server/config/source"
	"github.com/quorate/quorate/server/config/yamlfile"
	"github.com/quorate/quorate/server/config/zoocfg"
)

var rewrite = flag.Bool("rewrite", false, "write what the files are read as")

// disk is what there is on a machine: files with their content, and directories.
type disk map[string]string

func (d disk) read(name string) ([]byte, error) {
	if text, ok := d[name]; ok {
		return []byte(text), nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

func (d disk) exists(name string) bool { _, ok := d[name]; return ok }

func read(d disk, file string, given map[string]string) (source.Reading, error) {
	return zoocfg.Read(zoocfg.Input{File: file, Given: given, ReadFile: d.read, Exists: d.exists})
}

// TestFiles: what files as they are found are read as, in testdata beside them.
func TestFiles(t *testing.T) {
	for file, on := range map[string]disk{
		"debian.cfg":           {"/var/lib/zookeeper/version-2": "", "/var/lib/zookeeper/myid": "unique id\n"},
		"kafka.properties":     {},
		"confluent.properties": {"/var/lib/zookeeper/data/myid": "2"},
		"bitnami.cfg":          {"/bitnami/zookeeper/data/myid": "1\n", "/bitnami/zookeeper/data/version-2": "", "/bitnami/zookeeper/data/quorate/identity": ""},
		"docker.cfg":           {"/data/myid": "2\n", "/data/identity": "", "/data/version-2": ""},
		"solr.cfg":             {},
		"clickhouse.cfg":       {"/etc/zookeeper/conf/zoo.cfg.dynamic": sample(t, "clickhouse.cfg.dynamic"), "/var/lib/zookeeper/data/myid": "3"},
		"helm.cfg":             {"/data/zoo.cfg.dynamic": sample(t, "helm.cfg.dynamic"), "/data/myid": "1"},
		"three.cfg":            {"/var/lib/zookeeper/myid": "1"},
		"five.cfg":             {"/var/lib/zookeeper/myid": "7"},
		"secured.cfg":          {},
		"broken.cfg":           {"/data/myid": "9"},
		"agree.cfg":            {"/etc/agree.dynamic": sample(t, "agree.dynamic"), "/data/myid": "1"},
		"bare.cfg":             {},
		"small.cfg":            {},
		"missing.cfg":          {},
	} {
		t.Run(file, func(t *testing.T) {
			if file != "missing.cfg" {
				on[file] = sample(t, file)
			}
			r, err := read(on, file, nil)
			golden.Check(t, *rewrite, filepath.Join("testdata", file+".golden"), told(r, err))
			if err != nil {
				return
			}
			var yaml strings.Builder
			if err := yamlfile.Write(&yaml, r, yamlfile.Options{}); err != nil {
				t.Fatal(err)
			}
			converted, err := yamlfile.Parse("yaml", []byte(yaml.String()))
			if diff := cmp.Diff(r.Config, converted.Config); diff != "" || err != nil {
				t.Errorf("as YAML it is another: %v\n%s", err, diff)
			}
		})
	}
}

func sample(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// told is a reading as text: what is wrong; notes; settings that are not the defaults, and where they stand.
func told(r source.Reading, err error) string {
	var out strings.Builder
	if err == nil {
		err = r.Explain(r.Config.Validate(), func(string) bool { return false })
	}
	if err != nil {
		fmt.Fprintf(&out, "%v\n", err)
	}
	for _, n := range r.Notes {
		word := "note"
		if n.Warning {
			word = "warning"
		}
		fmt.Fprintf(&out, "%s: %v\n", word, n)
	}
	usual := config.Default().Settings()
	for i, s := range r.Config.Settings() {
		if place, ok := r.Places[s.Name]; ok || s.Value != usual[i].Value {
			fmt.Fprintf(&out, "--%s=%s", s.Name, s.Value)
			if ok {
				fmt.Fprintf(&out, "  (%v)", place)
			}
			fmt.Fprintln(&out)
		}
	}
	return out.String()
}

// TestGivenSettings decide in place of the file, and what is then not needed is not asked for.
func TestGivenSettings(t *testing.T) {
	servers := "server.1=a:1:2;2181\nserver.2=b:1:2;2182\nserver.3=c:1:2\n"
	for name, tc := range map[string]struct {
		text  string
		on    disk
		given map[string]string
		check func(config.Config) bool
	}{
		"the id chooses the line": {
			"dataDir=/d\n" + servers,
			disk{"/d/myid": "1"},
			map[string]string{"id": "2"},
			func(c config.Config) bool { return c.ID == 2 && c.ClientAddr == ":2182" },
		},
		"no myid is needed": {
			"dataDir=/d\n" + servers, nil,
			map[string]string{"id": "1"},
			func(c config.Config) bool { return c.ClientAddr == ":2181" },
		},
		"no dataDir is needed": {
			servers,
			disk{"/mine/myid": "2"},
			map[string]string{"data-dir": "/mine"},
			func(c config.Config) bool { return c.ID == 2 },
		},
		"no clientPort is needed": {
			"dataDir=/d\n", nil,
			map[string]string{"client-addr": "127.0.0.1:1"},
			func(c config.Config) bool { return c.ID == 1 },
		},
		"SASL has its users": {
			"dataDir=/d\nclientPort=1\nauthProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider\n", nil,
			map[string]string{"sasl-users-file": "/u"},
			func(config.Config) bool { return true },
		},
	} {
		t.Run(name, func(t *testing.T) {
			on := disk{"f": tc.text}
			maps.Copy(on, tc.on)
			r, err := read(on, "f", tc.given)
			if err != nil || !tc.check(r.Config) {
				t.Errorf("%v\n%s", err, told(r, err))
			}
			if _, err := read(on, "f", nil); err == nil && name != "the id chooses the line" && name != "no myid is needed" {
				t.Error("without what is given nothing is wrong")
			}
		})
	}
}

// TestTable: every row says what becomes of its key, once, and names settings that there are.
func TestTable(t *testing.T) {
	var flags []string
	for _, s := range config.Default().Settings() {
		flags = append(flags, s.Name)
	}
	seen := map[string]bool{}
	for _, row := range zoocfg.Table() {
		if seen[row.Key] {
			t.Errorf("%s has two rows", row.Key)
		}
		seen[row.Key] = true
		if len(row.Settings) == 0 && row.Why == "" {
			t.Errorf("%s has no counterpart, and it is not said why", row.Key)
		}
		for _, flag := range row.Settings {
			if !slices.Contains(flags, flag) {
				t.Errorf("%s decides --%s, which there is not", row.Key, flag)
			}
		}
	}
}

// TestEveryKeyIsTakenUp: no row panics, and none is passed over in silence unless it is harmless; those that Java takes as
// system properties have the same effect with "zookeeper." in front.
func TestEveryKeyIsTakenUp(t *testing.T) {
	for _, row := range zoocfg.Table() {
		key := strings.Replace(row.Key, "*", "1", 1)
		said := func(prefix string) string {
			r, err := read(disk{"f": "dataDir=/d\nclientPort=1\n\n\n" + prefix + key + "=7x\n"}, "f", nil)
			return strings.NewReplacer("zookeeper."+key, "KEY", key, "KEY").Replace(told(r, err))
		}
		plain := said("")
		if len(row.Settings) == 0 && !strings.Contains(plain, "f:5: KEY") {
			t.Errorf("%s: nothing is said:\n%s", key, plain)
		}
		if row.Why != "" && row.Refused != strings.Contains(plain, "f:5: KEY: "+row.Why) {
			t.Errorf("%s: refused: %v\n%s", key, row.Refused, plain)
		}
		prefixed := said("zookeeper.")
		if row.System != (prefixed == plain) {
			t.Errorf("%s, a system property: %v; with the prefix\n%s\nwithout\n%s", key, row.System, prefixed, plain)
		}
	}
}

// FuzzRead: no panic, and what is wrong has a line, unless the file as a whole lacks something.
func FuzzRead(f *testing.F) {
	names, err := filepath.Glob("testdata/*.cfg")
	if err != nil || len(names) == 0 {
		f.Fatal(names, err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, "1")
	}
	f.Add([]byte("server.1=[::1:2:3\nserver.2=|\nserver.=;;;\njute.maxbuffer=-0x-1"), "\n")
	f.Fuzz(func(t *testing.T, text []byte, id string) {
		r, err := read(disk{"f": string(text), "/data/myid": id, "/data/version-2": ""}, "f", nil)
		if err == nil {
			_ = r.Explain(r.Config.Validate(), func(string) bool { return false })
			return
		}
		joined, ok := err.(interface{ Unwrap() []error })
		if !ok {
			t.Fatalf("not joined: %v", err)
		}
		for _, e := range joined.Unwrap() {
			var p *source.Problem
			if !errors.As(e, &p) {
				t.Fatalf("no place: %v", e)
			}
			if p.Line == 0 && !strings.Contains(p.Text, "is not set") && !strings.Contains(p.Text, "without a dataDir") {
				t.Fatalf("no line: %v", e)
			}
		}
	})
}
