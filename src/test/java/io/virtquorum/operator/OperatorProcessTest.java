package io.virtquorum.operator;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServiceBuilder;
import org.junit.jupiter.api.Test;

class OperatorProcessTest {
  @Test
  void givenAServiceOfEitherFamilyThenItsAddressCanBeDialled() {
    assertThat(OperatorProcess.address(service("10.96.14.3"), 7600)).isEqualTo("10.96.14.3:7600");
    assertThat(OperatorProcess.address(service("fd00:96::3"), 7600)).isEqualTo("[fd00:96::3]:7600");
  }

  private static Service service(String ip) {
    return new ServiceBuilder().withNewSpec().withClusterIP(ip).endSpec().build();
  }
}
