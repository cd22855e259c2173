package io.virtquorum.vmspec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.virtquorum.kubevirt.JsonPatch;
import io.virtquorum.kubevirt.VirtualMachine;
import io.virtquorum.testing.PatchedVm;
import io.virtquorum.testing.Yaml;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class VmSpecTest {

  private static final String MEMORY = "/spec/template/spec/domain/memory/guest";

  private final VmSpec spec = new VmSpec();
  private final VirtualMachine vm = Yaml.read("/kubevirt/rich-vm.yaml", VirtualMachine.class);
  private final VirtualMachine bare =
      Yaml.vm(
          "{apiVersion: kubevirt.io/v1, kind: VirtualMachine, metadata: {name: web-1},"
              + " spec: {template: {spec: {domain: {devices: {}}}}}}");

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "/spec/template/spec/domain/memory/guest | \"512Mi\"",
        "/spec/template/spec/domain/cpu | {\"cores\":2,\"maxSockets\":4,\"sockets\":1,\"threads\":1}",
        "/spec/template/spec/domain/cpu/cores | 2",
        "/spec/template/spec/domain/devices/disks/1/name | \"cloudinit\"",
        "/spec/template/metadata/labels/kubevirt.io~1size | \"small\"",
        "/spec/template/spec/domain/clock/timer/hpet/present | false"
      })
  void aValueReadsAsCanonicalJson(String pointer, String text) {
    assertThat(spec.read(vm, pointer)).contains(text);
  }

  @Test
  void aValueThatIsNotThereReadsAsEmpty() {
    assertThat(spec.read(bare, MEMORY)).isEmpty();
    assertThat(spec.read(vm, "/spec/template/metadata/creationTimestamp")).isEmpty();
  }

  @Test
  void anotherVmIsMadeEqualWhateverItHad() {
    for (String pointer :
        new String[] {MEMORY, "/spec/template/spec/domain/cpu", "/spec/template/spec/hostname"}) {
      for (List<VirtualMachine> pair : List.of(List.of(vm, bare), List.of(bare, vm))) {
        VirtualMachine model = pair.get(0);
        VirtualMachine other = pair.get(1);
        Map<String, Optional<String>> wanted = Map.of(pointer, spec.read(model, pointer));
        VirtualMachine after = PatchedVm.apply(other, spec.patch(other, wanted));

        assertThat(spec.read(after, pointer)).isEqualTo(spec.read(model, pointer));
        assertThat(spec.patch(after, wanted).isEmpty()).isTrue();
      }
    }
  }

  @Test
  void severalValuesAreChangedAtOnceOrNotAtAll() {
    JsonPatch patch =
        spec.patch(
            bare,
            Map.of(
                MEMORY,
                Optional.of("\"1Gi\""),
                "/spec/template/spec/domain/memory/maxGuest",
                Optional.of("\"2Gi\"")));
    VirtualMachine after = PatchedVm.apply(bare, patch);
    assertThat(spec.read(after, "/spec/template/spec/domain/memory"))
        .contains("{\"guest\":\"1Gi\",\"maxGuest\":\"2Gi\"}");

    VirtualMachine changed =
        PatchedVm.apply(bare, spec.patch(bare, Map.of(MEMORY, Optional.of("\"3Gi\""))));
    assertThatThrownBy(() -> PatchedVm.apply(changed, patch)).hasMessageContaining("test failed");
  }

  @Test
  void aValueInAListIsChangedInItsPlace() {
    String pointer = "/spec/template/spec/domain/devices/disks/1/cache";
    VirtualMachine after =
        PatchedVm.apply(vm, spec.patch(vm, Map.of(pointer, Optional.of("\"writeback\""))));
    assertThat(spec.read(after, pointer)).contains("\"writeback\"");
    assertThat(spec.read(after, "/spec/template/spec/domain/devices/disks/0"))
        .isEqualTo(spec.read(vm, "/spec/template/spec/domain/devices/disks/0"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"/spec/template/spec/domain/devices/disks/9/cache", "/spec/runStrategy/deeper"})
  void aVmWithoutAPlaceForAValueIsNamed(String pointer) {
    assertThatThrownBy(() -> spec.patch(vm, Map.of(pointer, Optional.of("1"))))
        .isInstanceOf(VmSpecException.class)
        .hasMessageContaining("VM web-0 has no place for " + pointer);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "spec", "spec/template"})
  void whatIsNoPointerIsRefused(String pointer) {
    assertThatThrownBy(() -> spec.read(vm, pointer)).isInstanceOf(VmSpecException.class);
  }
}
