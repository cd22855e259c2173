package io.virtquorum.api;

import static java.util.Objects.requireNonNullElse;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import com.fasterxml.jackson.databind.annotation.JsonDeserialize;
import com.fasterxml.jackson.databind.annotation.JsonSerialize;
import io.fabric8.crd.generator.annotation.SchemaFrom;
import io.fabric8.generator.annotation.ValidationRule;
import java.time.Duration;

/**
 * How often members look and report. Written like 100ms, 2s, 10m or 1m30s.
 *
 * @param beat interval of the sidecars' signs of life, 10 ms to 10 s
 * @param quick interval of the quick pass over metadata, not below {@code beat}
 * @param settle how long a difference must last before it counts, not below {@code quick}
 * @param audit interval in which every byte is read from the disk once, not below {@code quick} and
 *     not above 24 days, because sidecars are told milliseconds as a 32-bit number
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
@ValidationRule(
    value = "duration(self.beat) >= duration('10ms') && duration(self.beat) <= duration('10s')",
    message = "timing.beat must be from 10ms to 10s.")
@ValidationRule(
    value = "duration(self.quick) >= duration(self.beat)",
    message = "timing.quick must not be shorter than timing.beat.")
@ValidationRule(
    value = "duration(self.settle) >= duration(self.quick)",
    message =
        "timing.settle must not be shorter than timing.quick: a change made on all members at once would look like a"
            + " disagreement.")
@ValidationRule(
    value = "duration(self.audit) >= duration(self.quick)",
    message = "timing.audit must not be shorter than timing.quick.")
@ValidationRule(
    value = "duration(self.audit) <= duration('576h')",
    message = "timing.audit must not be longer than 576h, which is 24 days.")
public record Timing(
    @SchemaFrom(type = String.class)
        @JsonSerialize(using = DurationText.Writer.class)
        @JsonDeserialize(using = DurationText.Reader.class)
        @JsonPropertyDescription("Interval of the sidecars' signs of life.")
        Duration beat,
    @SchemaFrom(type = String.class)
        @JsonSerialize(using = DurationText.Writer.class)
        @JsonDeserialize(using = DurationText.Reader.class)
        @JsonPropertyDescription("Interval of the quick pass over the metadata of files.")
        Duration quick,
    @SchemaFrom(type = String.class)
        @JsonSerialize(using = DurationText.Writer.class)
        @JsonDeserialize(using = DurationText.Reader.class)
        @JsonPropertyDescription("How long a difference must last before it counts.")
        Duration settle,
    @SchemaFrom(type = String.class)
        @JsonSerialize(using = DurationText.Writer.class)
        @JsonDeserialize(using = DurationText.Reader.class)
        @JsonPropertyDescription("Interval in which every byte is read from the disk once.")
        Duration audit) {

  /** The intervals of a cluster that says nothing. */
  public static final Timing DEFAULT = new Timing(null, null, null, null);

  public Timing {
    beat = requireNonNullElse(beat, Duration.ofMillis(100));
    quick = requireNonNullElse(quick, Duration.ofSeconds(2));
    settle = requireNonNullElse(settle, Duration.ofSeconds(6));
    audit = requireNonNullElse(audit, Duration.ofMinutes(10));
  }
}
