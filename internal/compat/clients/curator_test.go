package clients

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// jars is where Debian has Java's packages.
const jars = "/usr/share/java/"

// curator are the jars of Curator and of what it needs, without a version in their names.
const curator = `curator-recipes curator-framework curator-client zookeeper zookeeper-jute guava slf4j-api slf4j-nop
	netty-handler netty-transport netty-buffer netty-common netty-codec netty-resolver netty-transport-native-unix-common`

// TestCurator has Curator, with which most programs in Java use ZooKeeper, do its recipes.
func TestCurator(t *testing.T) {
	var path []string
	for jar := range strings.FieldsSeq(curator) {
		if _, err := os.Stat(jars + jar + ".jar"); err != nil {
			t.Skipf("there is no Curator (Debian: libcurator-recipes-java): %v", err)
		}
		path = append(path, jars+jar+".jar")
	}
	dir, classes := t.TempDir(), strings.Join(path, ":")
	javac, err := exec.LookPath("javac")
	if err != nil {
		t.Skip("there is no compiler for Java (Debian: default-jdk-headless)")
	}
	if out, err := exec.CommandContext(t.Context(), javac, "-cp", classes, "-d", dir, "testdata/Recipes.java").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	e := run(t)
	obey(t, e, exec.CommandContext(t.Context(), "java", "-Xmx256m", "-cp", classes+":"+dir, "Recipes", hosts(e)))
}
