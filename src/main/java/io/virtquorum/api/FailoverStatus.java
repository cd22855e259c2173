package io.virtquorum.api;

import com.fasterxml.jackson.annotation.JsonFormat;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import com.fasterxml.jackson.databind.annotation.JsonDeserialize;
import com.fasterxml.jackson.databind.annotation.JsonSerialize;
import io.fabric8.crd.generator.annotation.SchemaFrom;
import java.time.Duration;
import java.time.Instant;

/**
 * The last change of the primary.
 *
 * @param from the old primary; null if there was none
 * @param to the new primary
 * @param duration from the first sign of trouble until users were led to the new one
 * @param time when they were
 * @param reason a sentence on why
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record FailoverStatus(
    @JsonPropertyDescription("The old primary.") String from,
    @JsonPropertyDescription("The new primary.") String to,
    @SchemaFrom(type = String.class)
        @JsonSerialize(using = DurationText.Writer.class)
        @JsonDeserialize(using = DurationText.Reader.class)
        @JsonPropertyDescription(
            "From the first sign of trouble until users were led to the new one.")
        Duration duration,
    @SchemaFrom(type = String.class)
        @JsonFormat(shape = JsonFormat.Shape.STRING)
        @JsonPropertyDescription("When users were led to the new one.")
        Instant time,
    @JsonPropertyDescription("Why.") String reason) {}
