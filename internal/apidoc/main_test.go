package main

import (
	"bytes"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
)

// described is a file with one of each, as buf would describe it.
func described(t *testing.T) []byte {
	t.Helper()
	said := func(text string, path ...int32) *descriptorpb.SourceCodeInfo_Location {
		return &descriptorpb.SourceCodeInfo_Location{Path: path, Span: []int32{0, 0, 0}, LeadingComments: proto.String(text)}
	}
	field := func(name string, number int32, kind descriptorpb.FieldDescriptorProto_Type) *descriptorpb.FieldDescriptorProto {
		return &descriptorpb.FieldDescriptorProto{Name: &name, Number: &number, Type: &kind, Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()}
	}
	of := field("mode", 2, descriptorpb.FieldDescriptorProto_TYPE_ENUM)
	of.TypeName = proto.String(".quorate.x.Mode")
	raw, err := proto.Marshal(&descriptorpb.FileDescriptorSet{File: []*descriptorpb.FileDescriptorProto{{
		Name: proto.String("x.proto"), Package: proto.String("quorate.x"), Syntax: proto.String("proto3"),
		Service: []*descriptorpb.ServiceDescriptorProto{{Name: proto.String("S"), Method: []*descriptorpb.MethodDescriptorProto{{
			Name: proto.String("Do"), InputType: proto.String(".quorate.x.M"), OutputType: proto.String(".quorate.x.M"), ServerStreaming: proto.Bool(true),
		}}}},
		MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("M"), Field: []*descriptorpb.FieldDescriptorProto{
			field("path", 1, descriptorpb.FieldDescriptorProto_TYPE_STRING), of,
		}}},
		EnumType: []*descriptorpb.EnumDescriptorProto{{Name: proto.String("Mode"), Value: []*descriptorpb.EnumValueDescriptorProto{{Name: proto.String("MODE_A"), Number: proto.Int32(0)}}}},
		SourceCodeInfo: &descriptorpb.SourceCodeInfo{Location: []*descriptorpb.SourceCodeInfo_Location{
			said(" A file.\n", 12), said(" A service.\n More of it.\n", 6, 0), said(" Does a|b.\n", 6, 0, 2, 0),
			said(" A message.\n", 4, 0), said(" Where\n it is.\n", 4, 0, 2, 0), said(" How.\n", 5, 0), said(" The first.\n", 5, 0, 2, 0),
		}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestPage(t *testing.T) {
	var out strings.Builder
	if err := run(bytes.NewReader(described(t)), &out, []string{"x.proto"}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"## quorate.x\n\nA file.\n", "### S\n\nA service.\nMore of it.\n", "| `Do` | [M](#m) | stream of [M](#m) | Does a\\|b. |\n",
		"### M\n\nA message.\n", "| `path` = 1 | string | Where it is. |\n", "| `mode` = 2 | [Mode](#mode) |  |\n",
		"### Mode\n\nHow.\n", "| `MODE_A` = 0 | The first. |\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the page lacks %q:\n%s", want, out.String())
		}
	}
}

func TestWhatIsNoDescription(t *testing.T) {
	if err := run(strings.NewReader("x"), &strings.Builder{}, nil); err == nil {
		t.Error("x was taken for a description")
	}
	if err := run(bytes.NewReader(described(t)), &strings.Builder{}, []string{"y.proto"}); err == nil {
		t.Error("a file that is not there was described")
	}
}
