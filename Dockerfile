# regkit for cohorts, without a GPU: docker build -t regkit .
# At run time it needs no network and no root: docker run --rm --network none --read-only --tmpfs /tmp
#   --user "$(id -u):$(id -g)" -v "$PWD:/data" regkit cohort register pairs.csv -o out
# The image of `build` has the C++ compiler that the loops need.
FROM python:3.11 AS build
COPY . /source
RUN python -m venv /opt/regkit \
    && /opt/regkit/bin/pip install --no-cache-dir --index-url https://download.pytorch.org/whl/cpu \
       "$(grep '^torch==' /source/constraints.txt)" \
    && /opt/regkit/bin/pip install --no-cache-dir -c /source/constraints.txt '/source[cohort]'

FROM python:3.11-slim
COPY --from=build /opt/regkit /opt/regkit
ENV PATH=/opt/regkit/bin:$PATH MPLCONFIGDIR=/tmp/matplotlib \
    HOME=/tmp PYTHONDONTWRITEBYTECODE=1 HF_HUB_OFFLINE=1
RUN useradd --create-home --uid 1000 regkit
USER regkit
WORKDIR /data
ENTRYPOINT ["regkit"]
