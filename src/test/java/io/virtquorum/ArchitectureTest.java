package io.virtquorum;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.fields;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import java.time.Clock;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZonedDateTime;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;

/** Holds the picture in section 2 of the design. Generated code is nobody's to arrange. */
@AnalyzeClasses(packages = "io.virtquorum", importOptions = ImportOption.DoNotIncludeTests.class)
final class ArchitectureTest {
  private static final String BASE = "io.virtquorum.";
  private static final String[] CORE = {
    BASE + "fingerprint..", BASE + "vote..", BASE + "adjudicate.."
  };

  @ArchTest
  static final ArchRule theCoreKnowsOnlyTheJdkAndItself =
      noClasses()
          .that()
          .resideInAnyPackage(CORE)
          .should()
          .dependOnClassesThat(
              DescribedPredicate.not(
                  resideInAnyPackage(
                      BASE + "fingerprint..",
                      BASE + "vote..",
                      BASE + "adjudicate..",
                      "java..",
                      "javax.crypto..")));

  @ArchTest static final ArchRule fingerprintsKnowNothingOfVotes = onlyUses("fingerprint");

  @ArchTest static final ArchRule votesKnowOnlyFingerprints = onlyUses("vote", "fingerprint");

  @ArchTest
  static final ArchRule decisionsKnowOnlyVotesAndFingerprints =
      onlyUses("adjudicate", "vote", "fingerprint");

  @ArchTest
  static final ArchRule theCoreHasNoThreadsFilesSocketsOrChance =
      noClasses()
          .that()
          .resideInAnyPackage(CORE)
          .should()
          .dependOnClassesThat(
              resideInAnyPackage(
                      "java.io..",
                      "java.nio.file..",
                      "java.nio.channels..",
                      "java.net..",
                      "java.util.concurrent..")
                  .or(
                      isOneOf(
                          Thread.class,
                          Random.class,
                          ThreadLocalRandom.class,
                          Clock.class,
                          java.security.SecureRandom.class)));

  @ArchTest
  static final ArchRule timeComesIntoTheCoreAsAValue =
      noClasses()
          .that()
          .resideInAnyPackage(CORE)
          .should()
          .accessTargetWhere(
              new DescribedPredicate<JavaAccess<?>>("it reads a clock") {
                private final Set<String> dated =
                    Set.of(
                        Instant.class.getName(),
                        LocalDateTime.class.getName(),
                        ZonedDateTime.class.getName());

                @Override
                public boolean test(JavaAccess<?> access) {
                  String owner = access.getTargetOwner().getName();
                  String name = access.getTarget().getName();
                  return (dated.contains(owner) && name.equals("now"))
                      || (owner.equals(System.class.getName())
                          && (name.equals("currentTimeMillis") || name.equals("nanoTime")));
                }
              });

  /** Somebody may set it back by an hour, and nobody is to wait for that. */
  @ArchTest
  static final ArchRule theWallClockOnlyDatesWhatPeopleRead =
      noClasses()
          .that()
          .resideInAPackage("io.virtquorum..")
          .and()
          .doNotHaveFullyQualifiedName(BASE + "operator.SteadyClock") // shows it
          .and()
          .doNotHaveFullyQualifiedName(BASE + "operator.SteadyLock") // as its elector reads it
          .and()
          .doNotHaveFullyQualifiedName(BASE + "operator.Announcer")
          .and()
          .doNotHaveFullyQualifiedName(BASE + "operator.RecordStore") // dates commits
          .and()
          .doNotHaveFullyQualifiedName(BASE + "operator.StatusFactory")
          .and()
          .doNotHaveFullyQualifiedName(BASE + "sidecar.SidecarCommand") // logs how long it took
          .should()
          .accessTargetWhere(
              new DescribedPredicate<JavaAccess<?>>("it reads the wall clock") {
                @Override
                public boolean test(JavaAccess<?> access) {
                  String owner = access.getTargetOwner().getName();
                  String name = access.getTarget().getName();
                  return (owner.startsWith("java.time.") && name.equals("now"))
                      || (owner.equals(Clock.class.getName())
                          && (name.equals("instant") || name.equals("millis")))
                      || (owner.equals(System.class.getName()) && name.equals("currentTimeMillis"));
                }
              });

  @ArchTest
  static final ArchRule theGuestSeamKnowsOnlyFingerprints = onlyUses("guest", "fingerprint");

  @ArchTest
  static final ArchRule theProgramsClientKnowsOnlyTheSeamFingerprintsAndThePort =
      onlyUses("program", "guest", "port", "fingerprint");

  @ArchTest static final ArchRule thePortKnowsOnlyTheSeam = onlyUses("port", "guest");

  @ArchTest
  static final ArchRule theSidecarReachesAGuestByTheSeamAlone =
      noClasses()
          .that()
          .resideInAPackage(BASE + "sidecar..")
          .and()
          .doNotHaveFullyQualifiedName(BASE + "sidecar.SidecarCommand") // makes the guest
          .should()
          .dependOnClassesThat(
              resideInAnyPackage(BASE + "program..", BASE + "port..", BASE + "guest.wire.."));

  @ArchTest static final ArchRule cloudInitsDataKnowsNobody = onlyUses("cloudinit");

  @ArchTest static final ArchRule theApiKnowsNobody = onlyUses("api");

  @ArchTest static final ArchRule theKubeVirtModelKnowsNobody = onlyUses("kubevirt");

  @ArchTest
  static final ArchRule onlyTheTwoShellsSpeakOnTheWire =
      noClasses()
          .that()
          .resideOutsideOfPackages(BASE + "wire..", BASE + "sidecar..", BASE + "operator..")
          .and()
          .resideInAPackage("io.virtquorum..")
          .should()
          .dependOnClassesThat(resideInAPackage(BASE + "wire.."));

  @ArchTest
  static final ArchRule theSidecarKnowsNothingOfKubernetes =
      noClasses()
          .that()
          .resideInAPackage(BASE + "sidecar..")
          .should()
          .dependOnClassesThat(
              resideInAnyPackage(
                  BASE + "operator..",
                  BASE + "api..",
                  BASE + "kubevirt..",
                  BASE + "network..",
                  BASE + "access..",
                  "io.fabric8..",
                  "io.javaoperatorsdk.."))
          .allowEmptyShould(true);

  @ArchTest
  static final ArchRule theOperatorNeverReachesIntoAGuest =
      noClasses()
          .that()
          .resideInAPackage(BASE + "operator..")
          .should()
          .dependOnClassesThat(
              resideInAnyPackage(
                  BASE + "sidecar..", BASE + "guest..", BASE + "program..", BASE + "port.."));

  @ArchTest
  static final ArchRule thereIsNoStaticStateThatChanges =
      fields()
          .that()
          .areStatic()
          .and()
          .areDeclaredInClassesThat(
              DescribedPredicate.not(
                  resideInAnyPackage(BASE + "wire.v1..", BASE + "guest.wire..", "kubevirt..")))
          .should()
          .beFinal();

  @ArchTest
  static final ArchRule constantsOfTheCoreAreImmutable =
      fields()
          .that()
          .areStatic()
          .and()
          .areDeclaredInClassesThat(resideInAnyPackage(CORE))
          .should()
          .beFinal()
          .andShould()
          .notHaveRawType(java.util.HashMap.class)
          .andShould()
          .notHaveRawType(java.util.ArrayList.class);

  private static ArchRule onlyUses(String own, String... others) {
    List<String> allowed = new java.util.ArrayList<>(List.of(BASE + own + ".."));
    for (String other : others) {
      allowed.add(BASE + other + "..");
    }
    return noClasses()
        .that()
        .resideInAPackage(BASE + own + "..")
        .should()
        .dependOnClassesThat(
            resideInAPackage("io.virtquorum..")
                .and(DescribedPredicate.not(resideInAnyPackage(allowed.toArray(String[]::new)))))
        .allowEmptyShould(true);
  }

  private static DescribedPredicate<JavaClass> isOneOf(Class<?>... classes) {
    Set<String> names = new java.util.HashSet<>();
    for (Class<?> type : classes) {
      names.add(type.getName());
    }
    return DescribedPredicate.describe("one of " + names, c -> names.contains(c.getName()));
  }
}
